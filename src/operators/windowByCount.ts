import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import { concatAll } from '../collections/concatAll.js';
import { Fifo } from '../collections/fifo.js';
import { checkPositiveInteger } from '../options/checks.js';
import { perBatchWithState } from './base/perBatchWithState.js';
import type { TimedPane } from './base/slidingPanes.js';

export interface WindowByCountOptions {
  /** How many records the window has at most, a positive integer. */
  readonly count: number;
  /** Name of the state, stable across deployments; required with a checkpoint. */
  readonly id?: string;
}

/**
 * Gathers the last `count` records, those of the batch included, however old they are: one result a batch, an empty batch
 * too, in the order of the records. Until there are as many the window has what there is.
 *
 * Takes batches of any records; gives one partition. Fewer than `2 * count` records are kept. A batch costs the records of
 * the window, for the result.
 *
 * Source: a sliding count window, as Flink's `countWindow`; Spark Streaming has windows by time only.
 *
 * @throws {InvalidOptionError} when `count` is no positive integer
 * @throws {MissingIdError} (as a notification) when a checkpoint is configured and `id` is not given
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
 */
export function windowByCount<T>(options: WindowByCountOptions): OperatorFunction<Batch<T>, Batch<T>> {
  const { count, id } = options;
  checkPositiveInteger('windowByCount', 'count', count);
  const description = { operator: 'windowByCount', id, signature: `count=${count}` };
  return perBatchWithState<T, T, number, readonly T[]>(description, (state) => {
    // What each batch brought, by its time: a checkpoint saves what comes and what goes.
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
        if (id !== undefined) state.set(time, newest);
        // Out goes a pane that the window can do without as a whole.
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
