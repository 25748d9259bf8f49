import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import { checkFunction } from '../options/checks.js';
import { perBatchWithState } from './base/perBatchWithState.js';

export interface RunningReduceOptions<S> {
  /** Name of the state, stable across deployments; required with a checkpoint. */
  readonly id?: string;
  /** The value to begin with, when there is none in a checkpoint. Default: the first record. */
  readonly initial?: S;
  /** Version of the value's schema. @default 0 */
  readonly version?: number;
  /** Turns a value of an older version into today's. */
  readonly migrate?: (value: unknown, fromVersion: number) => S;
}

/** Under which the one value stands in the state. */
const only = 0;

/**
 * Reduces all records there have ever been, since the stream was first run: one record a batch, the value so far. Until
 * there is a value (no record yet, and no `initial`) the batch is empty.
 *
 * `reduce` gets the value so far and a record, in the order of the records, and gives the new value; it must leave the old
 * one as it is, because outputs may still work on it. With `initial` the value may be of another type than the records.
 *
 * Takes batches of any records; gives one partition. A batch costs one call a record, whatever came before.
 *
 * Source: rxjs's `scan`, kept over restarts; in Spark `updateStateByKey` with one key.
 *
 * @throws {InvalidOptionError} when `version` is no integer of at least 0
 * @throws {MissingIdError} (as a notification) when a checkpoint is configured and `id` is not given
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches, runningReduce } from 'dstream';
 *
 * fromBatches([[], [3, 5], [], [4]], { interval: 10 })
 *   .pipe(
 *     runningReduce((highest, n) => Math.max(highest, n)),
 *     foreachBatch((highest) => console.log(highest)),
 *   )
 *   .subscribe();
 * // => []
 * // => [ 5 ]
 * // => [ 5 ]
 * // => [ 5 ]
 * ```
 */
export function runningReduce<T>(
  reduce: (value: T, record: T) => T,
  options?: RunningReduceOptions<T>,
): OperatorFunction<Batch<T>, Batch<T>>;
export function runningReduce<T, S>(
  reduce: (value: S, record: T) => S,
  options: RunningReduceOptions<S> & { readonly initial: S },
): OperatorFunction<Batch<T>, Batch<S>>;
export function runningReduce<T>(
  reduce: (value: T, record: T) => T,
  options: RunningReduceOptions<T> = {},
): OperatorFunction<Batch<T>, Batch<T>> {
  const { id, version, migrate } = options;
  checkFunction('runningReduce', 'reduce', reduce);
  if (migrate !== undefined) checkFunction('runningReduce', 'migrate', migrate);
  return perBatchWithState<T, T, number, T>({ operator: 'runningReduce', id, version, migrate }, (state) => {
    if ('initial' in options && !state.has(only)) state.set(only, options.initial as T);
    return (batch) => {
      let begun = state.has(only);
      let value = state.get(only) as T;
      for (const { records } of batch.partitions) {
        for (const record of records) {
          value = begun ? reduce(value, record) : record;
          begun = true;
        }
      }
      if (batch.size > 0) state.set(only, value);
      return batch.withRecords(begun ? [value] : []);
    };
  });
}
