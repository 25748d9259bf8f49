import type { Batch, BatchInfo } from 'dstream';
import type { Observable, OperatorFunction } from 'rxjs';

interface Stoppable<T> extends Observable<Batch<T>> {
  stop(options: { readonly drainTimeout: number }): unknown;
}

/** A stream that is observed for so many batches, and then stopped. */
export class ObservedRun {
  readonly infos: BatchInfo[] = [];
  /** Resident memory after each batch, bytes. */
  readonly rss: number[] = [];
  readonly #batches: number;

  constructor(batches: number) {
    this.#batches = batches;
  }

  /** Resolves when the stream has completed. `open` gives it the observer as `batchObserver`. */
  run<T>(
    open: (observer: { next(info: BatchInfo): void }) => Stoppable<T>,
    output: OperatorFunction<Batch<T>, unknown>,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const stream = open({
        next: (info) => {
          this.infos.push(info);
          this.rss.push(process.memoryUsage.rss());
          if (this.infos.length === this.#batches) void stream.stop({ drainTimeout: 0 });
        },
      });
      stream.pipe(output).subscribe({ error: reject, complete: resolve });
    });
  }
}
