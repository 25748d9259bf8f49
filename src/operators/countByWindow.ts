import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import { Fifo } from '../collections/fifo.js';
import { checkOptions } from '../options/checkOptions.js';
import { type QueryableOption, queryableChecks } from './base/queryableOption.js';
import { slidingPanes, type TimedPane } from './base/slidingPanes.js';
import { type WindowOptions, windowChecks } from './windowOptions.js';

/**
 * Counts the records of the last `window` ms, every `slide` ms. Emits one record.
 *
 * As in Spark, results are empty until the first record arrives, and `[0]` for an empty window afterwards. A slide costs
 * the batches that enter and leave, not those in the window.
 *
 * Source: Spark's `countByWindow`.
 *
 * @throws {InvalidOptionError} if `window` or `slide` is not a positive integer; as a notification, at the first batch, if
 * one is not a multiple of the batch interval
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
 *
 * @see {@link countBatch}
 * @see {@link countByValueAndWindow}
 * @see {@link countDistinctByWindow}
 * @see {@link window}
 */
export function countByWindow<T>(
  options: WindowOptions & QueryableOption<null, number>,
): OperatorFunction<Batch<T>, Batch<number>> {
  checkOptions('countByWindow', options, { ...windowChecks, ...queryableChecks });
  return slidingPanes<T, number, number>({
    operator: 'countByWindow',
    options,
    queryable: options.queryable,
    shows: 'value',
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
          // Panes were saved, so there was a record before the restart.
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
