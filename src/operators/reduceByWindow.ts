import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { TupleHint } from '../batch/pairOf.js';
import { foldRecords } from '../collections/foldRecords.js';
import { checkOptions } from '../options/checkOptions.js';
import { checkFunction } from '../options/checks.js';
import { KeyedWindow } from '../windows/keyedWindow.js';
import { type QueryableOption, queryableChecks } from './base/queryableOption.js';
import { slidingPanes, type TimedPane } from './base/slidingPanes.js';
import { afterSteps } from './fusion/perRecord.js';
import { type WindowOptions, windowChecks } from './windowOptions.js';

/** Options of `reduceByWindow`. */
export interface ReduceByWindowOptions<T> extends WindowOptions, QueryableOption<null, T> {
  /**
   * Subtracts the records that leave the window from its value: `inverse(reduce(a, b), a)` must equal `b`. Without it the
   * window is kept in two stacks.
   */
  readonly inverse?: ((value: T, old: T) => T | TupleHint) | undefined;
}

/**
 * Reduces the records of the last `window` ms to one, every `slide` ms. An empty window results in an empty batch.
 *
 * A slide costs a few calls of `reduce`, whatever the length of the window.
 *
 * Source: Spark's `reduceByWindow`.
 *
 * @throws {InvalidOptionError} if `reduce` is not a function, or an option is out of its range; as a notification, at the
 * first batch, if `window` or `slide` is not a multiple of the batch interval
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches, reduceByWindow } from 'dstream';
 *
 * fromBatches([[3, 1], [2], []], { interval: 10 })
 *   .pipe(
 *     reduceByWindow((a, b) => Math.max(a, b), { window: 20 }),
 *     foreachBatch((max) => console.log(max)),
 *   )
 *   .subscribe();
 * // => [ 3 ]
 * // => [ 3 ]
 * // => [ 2 ]
 * ```
 *
 * @see {@link reduceBatch}
 * @see {@link aggregateByWindow}
 * @see {@link reduceByKeyAndWindow}
 */
export function reduceByWindow<T>(
  reduce: (a: T, b: T) => T | TupleHint,
  options: ReduceByWindowOptions<T>,
): OperatorFunction<Batch<T>, Batch<T>> {
  checkFunction('reduceByWindow', 'reduce', reduce);
  checkOptions('reduceByWindow', options, { ...windowChecks, ...queryableChecks, inverse: checkFunction });
  const { inverse } = options;
  const combine = reduce as (a: T, b: T) => T;
  return afterSteps<T, T>({ operator: 'reduceByWindow', id: options.id }, (visitRecords) =>
    slidingPanes<unknown, readonly [T], T>({
      operator: 'reduceByWindow',
      options,
      queryable: options.queryable,
      shows: 'value',
      create() {
        // A keyed window with one key: panes, inverse and the departure of the last pane work the same.
        const keyed = new KeyedWindow<null, T>({
          reduce: combine,
          inverse: inverse as ((value: T, old: T) => T) | undefined,
        });
        const toPanes = (panes: readonly TimedPane<readonly [T]>[]) =>
          panes.map(([time, [partial]]) => ({ time, partials: [[null, partial]] as const }));
        return {
          pane: (batch) =>
            foldRecords<T, T>(
              (first) => first,
              combine,
              (next) => visitRecords(batch, next),
            ),
          restore: (panes) => keyed.restore(toPanes(panes)),
          slide(evicted, added) {
            keyed.slide(evicted, toPanes(added));
            return keyed.size > 0 ? [keyed.get(null) as T] : [];
          },
        };
      },
    }),
  );
}
