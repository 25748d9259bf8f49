import { LRUCache } from 'lru-cache';
import type { Observer, OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { Key } from '../batch/key.js';
import { checkPair } from '../collections/pairs.js';
import { checkOptions, type OptionChecks, required } from '../options/checkOptions.js';
import { checkFunction, checkObserver, checkPositiveInteger, checkText } from '../options/checks.js';
import { IdleKeys } from '../state/idleKeys.js';
import { perBatchWithState } from './base/perBatchWithState.js';
import { type QueryableOption, queryableChecks } from './base/queryableOption.js';
import { holdUntilSettled } from './base/settled.js';
import type { RecordStep } from './fusion/chain.js';
import { runSteps } from './fusion/perRecord.js';

/** Ids that `deduplicate` forgot before their window was over. */
export interface ForgottenIds {
  /** Time of the batch that made them be forgotten, in ms. */
  readonly time: number;
  /** How many ids were forgotten: a duplicate of one of them would pass. */
  readonly ids: number;
}

/** Options of `deduplicate`. */
export interface DeduplicateOptions extends QueryableOption<Key, number> {
  /** How long an id is remembered after it was first seen, in ms of batch time. */
  readonly window: number;
  /**
   * Maximum number of ids that are remembered: beyond it the least recently seen id is forgotten early.
   * @default 1000000
   */
  readonly maxIds?: number | undefined;
  /**
   * Observes how many ids were forgotten early, once for each batch that exceeded `maxIds`. If its `next` throws, the batch
   * fails. Default: no observer.
   */
  readonly overflowObserver?: Partial<Observer<ForgottenIds>> | undefined;
  /** Name of the state, the same across deployments; required with a checkpoint. */
  readonly id?: string | undefined;
}

const optionChecks: OptionChecks<DeduplicateOptions> = {
  window: required(checkPositiveInteger),
  maxIds: checkPositiveInteger,
  overflowObserver: checkObserver,
  id: checkText,
  ...queryableChecks,
};

/**
 * Passes only the first record of each id within `window` ms of batch time. Partitions and offset ranges stay.
 *
 * The ids of the window are kept, `maxIds` of them at most. A batch costs its records and the ids that leave.
 *
 * Source: Structured Streaming's `dropDuplicates`; Spark Streaming has no counterpart.
 *
 * @throws {InvalidOptionError} if an option is out of its range, or `idOf` is not a function
 * @throws {InvalidRecordError} (as a notification) if an id is an object
 * @throws {MissingIdError} (as a notification) if a checkpoint is configured and `id` is missing
 *
 * @example
 * ```ts
 * import { deduplicate, foreachBatch, fromBatches } from 'dstream';
 *
 * fromBatches([['a', 'b', 'a'], ['a'], ['a', 'c']], { interval: 10 })
 *   .pipe(
 *     deduplicate((word) => word, { window: 20 }),
 *     foreachBatch((words) => console.log(words)),
 *   )
 *   .subscribe();
 * // => [ 'a', 'b' ]
 * // => []
 * // => [ 'a', 'c' ]
 * ```
 *
 * @see {@link countDistinctByWindow}
 * @see {@link filterRecords}
 * @see {@link updateStateByKey}
 */
export function deduplicate<T>(
  idOf: (record: T) => Key,
  options: DeduplicateOptions,
): OperatorFunction<Batch<T>, Batch<T>> {
  checkFunction('deduplicate', 'idOf', idOf);
  checkOptions('deduplicate', options, optionChecks);
  const { window, maxIds = 1_000_000, overflowObserver, id, queryable } = options;
  // Ids are kept with their times, whatever the window was.
  const reads = (signature: string) => /^window=\d+$/.test(signature);
  const description = { operator: 'deduplicate', id, signature: `window=${window}`, reads, queryable };
  return perBatchWithState<T, T, Key, number>(description, (firstSeen) => {
    const leaving = new IdleKeys<Key>();
    let forgotten = 0;
    // The state holds the times, the cache the order of use: what the cache drops is dropped from the state.
    const recent = new LRUCache<ReturnType<typeof nameOf>, { readonly key: Key }>({
      // With `maxSize`, because with `max` the cache allocates room for all ids when it is created.
      maxSize: maxIds,
      sizeCalculation: () => 1,
      dispose: ({ key }, _, reason) => {
        if (reason !== 'evict') return;
        firstSeen.delete(key);
        forgotten++;
      },
    });
    const remember = (key: Key, time: number): void => {
      recent.set(nameOf(key), { key });
      leaving.touch(key, time);
    };
    const restored = [...firstSeen.entries()].sort(([, a], [, b]) => a - b);
    for (const [key, time] of restored) remember(key, time);

    return (batch) => {
      const { time } = batch.context;
      forgotten = 0;
      // An id seen at t is remembered for the batches before t + window.
      const expired = (key: Key) => (firstSeen.get(key) ?? Infinity) <= time - window;
      for (const key of leaving.takeBefore(time - window + 1, expired)) {
        firstSeen.delete(key);
        recent.delete(nameOf(key));
      }
      const passFirst: RecordStep<T, T> = (next) => (record) => {
        const key = idOf(record);
        if (firstSeen.has(key)) {
          recent.get(nameOf(key));
          return;
        }
        checkPair('deduplicate', [key, record]);
        firstSeen.set(key, time);
        remember(key, time);
        next(record);
      };
      const passed = runSteps<T>([passFirst as RecordStep<unknown, unknown>], batch, [{ operator: 'deduplicate', id }]);
      if (forgotten > 0) holdUntilSettled(batch.context, overflowObserver?.next?.({ time, ids: forgotten }));
      return passed;
    };
  });
}

/** The cache accepts no `null`. */
const nullId = Symbol('null');

function nameOf(key: Key): NonNullable<Key> | typeof nullId {
  return key ?? nullId;
}
