import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { BatchContext } from '../batch/batchContext.js';
import type { Key, Pair } from '../batch/key.js';
import type { PairLike, PairOf } from '../batch/pairOf.js';
import { checkPair } from '../collections/pairs.js';
import { checkFunction } from '../options/checks.js';
import { perRecord } from './fusion/perRecord.js';

/**
 * Applies a function to the value of every pair; the key stays. Partitions, offset ranges and context stay as they are.
 *
 * Source: Spark's `mapValues`.
 *
 * @throws {InvalidOptionError} if `project` is not a function
 * @throws {InvalidRecordError} (as a notification) if a record is not a pair
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches, mapValues } from 'dstream';
 *
 * fromBatches([[['SFO', 7]]], { interval: 10 })
 *   .pipe(
 *     mapValues((delay) => delay * 60),
 *     foreachBatch((pairs) => console.log(pairs)),
 *   )
 *   .subscribe();
 * // => [ [ 'SFO', 420 ] ]
 * ```
 *
 * @see {@link flatMapValues}
 * @see {@link mapRecords}
 */
export function mapValues<K extends Key, V, P extends PairLike>(
  project: (value: V, key: K, context: BatchContext) => P,
): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, PairOf<NoInfer<P>>>>>;
/** Applies a function to the value of every pair; the key stays. */
export function mapValues<K extends Key, V, R>(
  project: (value: V, key: K, context: BatchContext) => R,
): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, R>>>;
export function mapValues<K extends Key, V, R>(
  project: (value: V, key: K, context: BatchContext) => R,
): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, R>>> {
  checkFunction('mapValues', 'project', project);
  return perRecord('mapValues', (next, context) => (record) => {
    if (!Array.isArray(record)) checkPair('mapValues', record);
    next([record[0], project(record[1], record[0], context)]);
  });
}
