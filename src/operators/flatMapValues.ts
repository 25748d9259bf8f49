import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { Key, Pair } from '../batch/key.js';
import type { NothingInferred, PairLike, PairOf } from '../batch/pairOf.js';
import { checkPair } from '../collections/pairs.js';
import { checkFunction } from '../options/checks.js';
import { perRecord } from './fusion/perRecord.js';

/**
 * Replaces every pair with any number of pairs that have the same key, in order. Partitions and context stay as they are.
 *
 * Source: Spark's `flatMapValues`.
 *
 * @throws {InvalidOptionError} if `project` is not a function
 * @throws {InvalidRecordError} (as a notification) if a record is not a pair
 *
 * @example
 * ```ts
 * import { flatMapValues, foreachBatch, fromBatches } from 'dstream';
 *
 * fromBatches([[['line', 'to be']]], { interval: 10 })
 *   .pipe(
 *     flatMapValues((line) => line.split(' ')),
 *     foreachBatch((pairs) => console.log(pairs)),
 *   )
 *   .subscribe();
 * // => [ [ 'line', 'to' ], [ 'line', 'be' ] ]
 * ```
 *
 * @see {@link mapValues}
 * @see {@link flatMapRecords}
 */
export function flatMapValues<K extends Key, V, P extends PairLike = NothingInferred>(
  project: (value: V, key: K) => Iterable<P>,
): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, PairOf<NoInfer<P>>>>>;
/** Replaces every pair with any number of pairs that have the same key, in order. */
export function flatMapValues<K extends Key, V, R>(
  project: (value: V, key: K) => Iterable<R>,
): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, R>>>;
export function flatMapValues<K extends Key, V, R>(
  project: (value: V, key: K) => Iterable<R>,
): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, R>>> {
  checkFunction('flatMapValues', 'project', project);
  return perRecord('flatMapValues', (next) => (record) => {
    if (!Array.isArray(record)) checkPair('flatMapValues', record);
    for (const result of project(record[1], record[0])) next([record[0], result]);
  });
}
