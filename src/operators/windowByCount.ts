import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import { concatAll } from '../collections/concatAll.js';
import { Fifo } from '../collections/fifo.js';
import { checkOptions, type OptionChecks, required } from '../options/checkOptions.js';
import { checkPositiveInteger, checkText } from '../options/checks.js';
import { perBatchWithState } from './base/perBatchWithState.js';
import { type QueryableOption, queryableChecks } from './base/queryableOption.js';
import type { TimedPane } from './base/slidingPanes.js';

/** Options of `windowByCount`. */
export interface WindowByCountOptions extends QueryableOption<number, readonly unknown[]> {
  /** Maximum number of records in the window, a positive integer. */
  readonly count: number;
  /** Name of the state, the same across deployments; required with a checkpoint. */
  readonly id?: string | undefined;
}

const optionChecks: OptionChecks<WindowByCountOptions> = {
  count: required(checkPositiveInteger),
  id: checkText,
  ...queryableChecks,
};

/**
 * Gathers the last `count` records, including those of the batch, however old they are. Emits one result per batch, also
 * for an empty batch, in the order of the records. Until `count` records have arrived, the window contains all of them.
 *
 * Takes batches of any records; the result is one partition. Fewer than `2 * count` records are kept. A batch costs the
 * records in the window, for the result. A `queryable` shows the records of each batch under its time.
 *
 * Source: a sliding count window, as Flink's `countWindow`; Spark Streaming has only windows by time.
 *
 * @throws {InvalidOptionError} if `count` is not a positive integer
 * @throws {MissingIdError} (as a notification) if a checkpoint is configured and `id` is missing
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches, windowByCount } from 'dstream';
 *
 * fromBatches([['a'], ['b', 'c'], [], ['d', 'e']], { interval: 10 })
 *   .pipe(
 *     windowByCount({ count: 3 }),
 *     foreachBatch((records) => console.log(records.join(' '))),
 *   )
 *   .subscribe();
 * // => a
 * // => a b c
 * // => a b c
 * // => c d e
 * ```
 *
 * @see {@link window}
 * @see {@link runningReduce}
 */
export function windowByCount<T>(options: WindowByCountOptions): OperatorFunction<Batch<T>, Batch<T>> {
  checkOptions('windowByCount', options, optionChecks);
  const { count, id, queryable } = options;
  const description = { operator: 'windowByCount', id, signature: `count=${count}`, queryable };
  return perBatchWithState<T, T, number, readonly T[]>(description, (state) => {
    // The records of each batch, by its time: a checkpoint saves what enters and what leaves.
    const panes = new Fifo<TimedPane<readonly T[]>>();
    let kept = 0;
    const push = (time: number, records: readonly T[]): void => {
      panes.push([time, records]);
      kept += records.length;
    };
    for (const [time, records] of [...state.entries()].sort(([a], [b]) => a - b)) push(time, records);

    return (batch) => {
      if (batch.size > 0) {
        const { time } = batch.context;
        const newest = batch.size > count ? batch.records.slice(-count) : batch.records;
        push(time, newest);
        // Without an id there is no checkpoint that could read it.
        if (id !== undefined || queryable) state.set(time, newest);
        // A pane leaves when the window is full without it.
        while (kept - (panes.first?.[1].length ?? 0) >= count) {
          const [left, { length }] = panes.shift() as TimedPane<readonly T[]>;
          kept -= length;
          state.delete(left);
        }
      }
      const all = concatAll([...panes].map(([, records]) => records));
      return batch.withRecords(kept > count ? all.slice(-count) : all);
    };
  });
}
