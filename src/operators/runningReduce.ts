import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { CommittedState } from '../batch/committedState.js';
import type { TupleHint } from '../batch/pairOf.js';
import { checkOptions, type OptionChecks } from '../options/checkOptions.js';
import { checkFunction, checkNonNegativeInteger, checkNothing, checkText } from '../options/checks.js';
import { perBatchWithState } from './base/perBatchWithState.js';
import { type QueryableOption, queryableChecks } from './base/queryableOption.js';
import { keepingState, visitEach } from './base/visitEach.js';

/** Options of `runningReduce`. */
export interface RunningReduceOptions<S> extends QueryableOption<null, S> {
  /** Name of the state, the same across deployments; required with a checkpoint. */
  readonly id?: string | undefined;
  /** Initial value, if a checkpoint has none. Default: the first record. */
  readonly initial?: S | TupleHint | undefined;
  /**
   * Version of the value's schema, an integer of at least 0.
   * @default 0
   */
  readonly version?: number | undefined;
  /** Converts a value of an older version to the current one. Required when a checkpoint contains a value of another `version`. */
  readonly migrate?: ((value: unknown, fromVersion: number) => S) | undefined;
}

/** The key of the one value in the state. */
const valueKey = 0;

const optionChecks: OptionChecks<RunningReduceOptions<never>> = {
  id: checkText,
  initial: checkNothing,
  version: checkNonNegativeInteger,
  migrate: checkFunction,
  ...queryableChecks,
};

/**
 * Reduces all records since the stream first ran. Emits one record per batch, the value so far; until there is a value (no
 * record yet, and no `initial`) the batch is empty.
 *
 * `reduce` takes the value so far and a record, in the order of the records, and returns the new value. It must not change
 * the old one, because outputs may still use it. With `initial` the value may have another type than the records.
 *
 * Takes batches of any records; the result is one partition. A batch costs one call per record, whatever came before.
 *
 * Source: RxJS's `scan`, kept over restarts; in Spark, `updateStateByKey` with one key.
 *
 * @throws {InvalidOptionError} if `reduce` is not a function, or `version` is not an integer of at least 0
 * @throws {MissingIdError} (as a notification) if a checkpoint is configured and `id` is missing
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
 *
 * @see {@link reduceBatch}
 * @see {@link updateStateByKey}
 * @see {@link reduceByWindow}
 */
export function runningReduce<T, S>(
  reduce: (value: S, record: T) => S | TupleHint,
  options: RunningReduceOptions<S> & { readonly initial: S | TupleHint },
): OperatorFunction<Batch<T>, Batch<S>>;
/** Reduces all records since the stream first ran. */
export function runningReduce<T>(
  reduce: (value: T, record: T) => T | TupleHint,
  options?: RunningReduceOptions<T>,
): OperatorFunction<Batch<T>, Batch<T>>;
export function runningReduce<T>(
  reduce: (value: T, record: T) => T,
  options: RunningReduceOptions<T> = {},
): OperatorFunction<Batch<T>, Batch<T>> {
  checkFunction('runningReduce', 'reduce', reduce);
  checkOptions('runningReduce', options, optionChecks);
  const { id, version, migrate, queryable } = options;
  const owner = { operator: 'runningReduce', id };
  const shown = queryable && { connect: (state: CommittedState<number, T>) => queryable.connect(ofNull(state)) };
  return perBatchWithState<T, T, number, T>({ ...owner, version, migrate, queryable: shown }, (state) => {
    if ('initial' in options && !state.has(valueKey)) state.set(valueKey, options.initial as T);
    return (batch) => {
      let begun = state.has(valueKey);
      let value = state.get(valueKey) as T;
      const add = (record: T): void => {
        value = begun ? reduce(value, record) : record;
        begun = true;
      };
      const restore = (copy: T): void => {
        value = copy;
      };
      const addRestoring = (record: T) => keepingState(batch, owner, valueKey, value, () => add(record), restore);
      if (batch.context.recordErrors) visitEach(batch, owner, addRestoring);
      else for (const { records } of batch.partitions) for (const record of records) add(record);
      if (batch.size > 0 && begun) state.set(valueKey, value);
      return batch.withRecords(begun ? [value] : []);
    };
  });
}

/** The one value, read by the key `null`. */
function ofNull<T>(state: CommittedState<number, T>): CommittedState<null, T> {
  return {
    get time() {
      return state.time;
    },
    get size() {
      return state.size;
    },
    get: () => state.get(valueKey),
    *entries() {
      for (const [, value] of state.entries()) yield [null, value];
    },
  };
}
