import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import { concatAll } from '../collections/concatAll.js';
import { Fifo } from '../collections/fifo.js';
import { checkOptions } from '../options/checkOptions.js';
import { type QueryableOption, queryableChecks } from './base/queryableOption.js';
import { slidingPanes, type TimedPane } from './base/slidingPanes.js';
import { type WindowOptions, windowChecks } from './windowOptions.js';

/**
 * Gathers the records of the last `window` ms into one batch, every `slide` ms.
 *
 * The first result comes at the first multiple of the slide, when the window is not full yet. With a slide longer than the
 * window, batches between two windows are left out. Takes batches of any records; the result is one partition.
 *
 * Source: Spark's `window`.
 *
 * @throws {InvalidOptionError} if `window` or `slide` is not a positive integer; as a notification, at the first batch, if
 * one is not a multiple of the batch interval
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches, window } from 'dstream';
 *
 * fromBatches([['a'], ['b'], ['c'], ['d']], { interval: 10 })
 *   .pipe(
 *     window({ window: 30, slide: 10 }),
 *     foreachBatch((records) => console.log(records.join(' '))),
 *   )
 *   .subscribe();
 * // => a
 * // => a b
 * // => a b c
 * // => b c d
 * ```
 *
 * @see {@link windowByCount}
 * @see {@link countByWindow}
 * @see {@link reduceByWindow}
 * @see {@link groupByKeyAndWindow}
 */
export function window<T>(
  options: WindowOptions & QueryableOption<null, readonly T[]>,
): OperatorFunction<Batch<T>, Batch<T>> {
  checkOptions('window', options, { ...windowChecks, ...queryableChecks });
  return slidingPanes<T, readonly T[], T>({
    operator: 'window',
    options,
    queryable: options.queryable,
    shows: 'records',
    create() {
      const panes = new Fifo<TimedPane<readonly T[]>>();
      const enter = (added: readonly TimedPane<readonly T[]>[]): void => {
        for (const pane of added) panes.push(pane);
      };
      return {
        pane: (batch) => (batch.size > 0 ? batch.records : undefined),
        restore: enter,
        slide(evicted, added) {
          panes.takeWhile(([time]) => time <= evicted);
          enter(added);
          return concatAll(Array.from(panes, ([, records]) => records));
        },
      };
    },
  });
}
