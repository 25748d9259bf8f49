import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import { Fifo } from '../collections/fifo.js';
import { slidingPanes, type TimedPane } from './base/slidingPanes.js';
import type { WindowOptions } from './windowOptions.js';

/**
 * Counts the records of the last `window` ms, every `slide` ms: one record.
 *
 * As in Spark, a result is empty until the first record has ever arrived, and `[0]` for an empty window afterwards. A
 * slide costs the batches that come and go, not those in the window.
 *
 * Source: Spark's `countByWindow`.
 *
 * @throws {InvalidOptionError} when an option is out of its range; as a notification at the first batch when `window` or
 * `slide` is no multiple of the batch interval
 *
 * @example
 * ```ts
 * import { countByWindow, foreachBatch, fromBatches } from 'dstream';
 *
 * fromBatches([[], ['a', 'b'], ['c'], [], []], { interval: 10 })
 *   .pipe(
 *     countByWindow({ window: 20 }),
 *     foreachBatch((count) => console.log(count)),
 *   )
 *   .subscribe();
 * // => []
 * // => [ 2 ]
 * // => [ 3 ]
 * // => [ 1 ]
 * // => [ 0 ]
 * ```
 */
export function countByWindow<T>(options: WindowOptions): OperatorFunction<Batch<T>, Batch<number>> {
  return slidingPanes<T, number, number>({
    operator: 'countByWindow',
    options,
    create() {
      const panes = new Fifo<TimedPane<number>>();
      let count = 0;
      let begun = false;
      const enter = (added: readonly TimedPane<number>[]): void => {
        for (const pane of added) {
          panes.push(pane);
          count += pane[1];
        }
      };
      return {
        pane: (batch) => batch.size || undefined,
        restore(restored) {
          // There was a result with a record before the restart, be it long ago.
          begun = true;
          enter(restored);
        },
        slide(evicted, added) {
          for (const [, left] of panes.takeWhile(([time]) => time <= evicted)) count -= left;
          enter(added);
          begun ||= added.length > 0;
          return begun ? [count] : [];
        },
      };
    },
  });
}
