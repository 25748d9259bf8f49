import { Observable } from 'rxjs';
import type { Batch } from './batch.js';
import { SideFeed } from './sideFeed.js';

/**
 * A second stream of an operator: batches of what is left out of its result. Created by `sideOutput()`.
 *
 * @see {@link sideOutput}
 */
export class SideOutput<T> extends Observable<Batch<T>> {
  readonly #feed: SideFeed<T>;

  /** @internal `sideOutput()` creates it. */
  constructor() {
    super((subscriber) => this.#feed.subscribe(subscriber));
    this.#feed = new SideFeed(this);
  }

  /** @internal */
  static feedOf<T>(output: SideOutput<T>): SideFeed<T> {
    return output.#feed;
  }

  /** @internal */
  static is(value: unknown): value is SideOutput<unknown> {
    return typeof value === 'object' && value !== null && #feed in value;
  }
}

/**
 * Creates a second stream for what an operator leaves out of its result, such as late records: pass it to the operator as an option.
 *
 * It emits a batch for each batch that the operator takes, an empty one too, before the operator's own result. Both have the
 * same context, and so the same holds: the batch is complete, and its progress is saved, when the outputs of both streams have
 * settled. It ends as the operator does, with the same error. One operator feeds it; nobody needs to listen to it.
 *
 * Source: Flink's side outputs.
 *
 * @see {@link eventTime}
 * @see {@link aggregateByKeyAndEventWindow}
 *
 * @example
 * ```ts
 * import { aggregateByEventWindow, eventTime, foreachBatch, fromBatches, type LateRecord, sideOutput } from 'dstream';
 * import { count } from 'dstream/aggregators';
 * import { merge } from 'rxjs';
 *
 * const late = sideOutput<LateRecord<number>>();
 * const counts = fromBatches([[1, 12, 3]], { interval: 10 }).pipe(
 *   eventTime({ timestamp: (at) => at, outOfOrderness: 0 }),
 *   aggregateByEventWindow(count(), { window: 10, late }),
 * );
 * merge(
 *   late.pipe(foreachBatch((records) => console.log('late', records.map(({ record }) => record)))),
 *   counts.pipe(foreachBatch((windows) => console.log(windows))),
 * ).subscribe();
 * // => late [ 3 ]
 * // => [ { start: 0, end: 10, value: 1 }, { start: 10, end: 20, value: 1 } ]
 * ```
 */
export function sideOutput<T>(): SideOutput<T> {
  return new SideOutput();
}
