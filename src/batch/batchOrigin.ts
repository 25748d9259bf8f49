import type { BatchContext } from './batchContext.js';

/** Told of the batches of one driver, as long as it runs. */
export interface OriginWatcher {
  /** A batch is about to be dispatched. */
  opened(batch: BatchContext): void;
  /** No batch comes any more. */
  ended(): void;
}

/**
 * What several streams of one driver have in common. Whoever waits for a batch of one of them can see here whether it may
 * still come: an operator on the way may have swallowed it.
 */
export class BatchOrigin {
  readonly #watchers = new Set<OriginWatcher>();
  #latest = -Infinity;
  #ended = false;
  #closed = false;

  /** Time of the latest batch that was opened. */
  get latest(): number {
    return this.#latest;
  }

  /** Whether it completed: no batch comes any more. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether it stopped, however it did. A driver that failed may have a successor, by `retry()`. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Gives the function that ends watching. */
  watch(watcher: OriginWatcher): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** To be called by the driver before it hands the batch out. */
  opened(batch: BatchContext): void {
    this.#latest = batch.time;
    for (const watcher of this.#watchers) watcher.opened(batch);
  }

  /** To be called by the driver when it stops. */
  close(): void {
    this.#closed = true;
  }

  /** To be called by the driver before it completes. */
  end(): void {
    this.#ended = true;
    for (const watcher of this.#watchers) watcher.ended();
  }
}
