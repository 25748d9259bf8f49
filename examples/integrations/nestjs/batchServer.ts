import { type CustomTransportStrategy, type MessageHandler, Server } from '@nestjs/microservices';
import { type BatchStream, foreachBatch } from 'dstream';

/**
 * A transport whose event handlers take batches: `@EventPattern('orders')` is called with the records of each batch of the stream that
 * `open('orders')` returns, and with its `BatchContext` as `@Ctx()`. The batch is complete when the handler has settled, so an
 * offset is committed after its records have been processed, and a batch that fails comes again.
 */
export class BatchServer extends Server implements CustomTransportStrategy {
  readonly #open: (pattern: string) => BatchStream<unknown>;
  #streams: readonly BatchStream<unknown>[] = [];

  constructor(open: (pattern: string) => BatchStream<unknown>) {
    super();
    this.#open = open;
  }

  listen(listening: () => void): void {
    this.#streams = [...this.messageHandlers].map(([pattern, handler]) => this.#start(pattern, handler));
    listening();
  }

  #start(pattern: string, handler: MessageHandler): BatchStream<unknown> {
    if (!handler.isEventHandler)
      throw new Error(`'${pattern}' awaits an answer; batches have none: use @EventPattern()`);
    const stream = this.#open(pattern);
    stream.pipe(foreachBatch((records, context) => this.transformToObservable(handler(records, context)))).subscribe({
      error: (error) => {
        this.logger.error(error);
        // A stream that has used up its retries ends the application, gracefully. Who started it starts it again.
        process.kill(process.pid, 'SIGTERM');
      },
    });
    return stream;
  }

  /** Planned batches are finished and saved. */
  async close(): Promise<void> {
    await Promise.all(this.#streams.map((stream) => stream.stop({ drainTimeout: 20_000 })));
  }

  /** This transport has no events. */
  on(): void {}

  unwrap<T>(): T {
    return this.#streams as T;
  }
}
