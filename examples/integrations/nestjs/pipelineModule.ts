import {
  type BeforeApplicationShutdown,
  type DynamicModule,
  Inject,
  Injectable,
  type InjectionToken,
  Logger,
  Module,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import type { BatchStream } from 'dstream';
import type { Observable } from 'rxjs';

/** A stream, and what the application does with it. */
export interface Pipeline {
  readonly stream: Pick<BatchStream<unknown>, 'stop'>;
  /** The pipeline with its outputs. The module subscribes to it, once. */
  readonly output: Observable<unknown>;
}

export interface PipelineModuleOptions {
  /** Where the providers are that the factory needs. */
  readonly imports?: NonNullable<DynamicModule['imports']>;
  /** Tokens of the arguments of the factory. */
  readonly inject?: readonly InjectionToken[];
  readonly useFactory: (...dependencies: never[]) => Pipeline;
}

const PIPELINE = Symbol('pipeline');

/** Runs the pipeline while the application runs. */
@Injectable()
class PipelineRunner implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #logger = new Logger('Pipeline');

  constructor(@Inject(PIPELINE) private readonly pipeline: Pipeline) {}

  onApplicationBootstrap(): void {
    this.pipeline.output.subscribe({
      error: (error) => {
        this.#logger.error(error);
        // A stream that has used up its retries ends the application, gracefully. Who started it starts it again.
        process.kill(process.pid, 'SIGTERM');
      },
    });
  }

  /** Planned batches are finished and saved while the other providers still work. */
  async beforeApplicationShutdown(): Promise<void> {
    const { aborted } = await this.pipeline.stream.stop({ drainTimeout: 20_000 });
    if (aborted.length > 0)
      this.#logger.warn(`${aborted.length} batches were aborted, and come again at the next start`);
  }
}

/** A pipeline as a module: it starts when the application has started, and stops gracefully before it shuts down. */
@Module({})
// biome-ignore lint/complexity/noStaticOnlyClass: a dynamic module of NestJS is a class with a static method.
export class PipelineModule {
  static forRoot({ imports = [], inject = [], useFactory }: PipelineModuleOptions): DynamicModule {
    return {
      module: PipelineModule,
      imports,
      providers: [{ provide: PIPELINE, inject: [...inject], useFactory }, PipelineRunner],
    };
  }
}
