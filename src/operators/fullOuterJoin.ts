import type { Observable, OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { Key, Pair } from '../batch/key.js';
import { joinPairs } from '../collections/pairs.js';
import { perTwoBatches } from './base/perTwoBatches.js';

/**
 * Pairs every value of a key with every value of the same key in the other stream's batch of the same time: pairs
 * `[key, [value, other]]`, where the side that has no such key is `undefined`.
 *
 * Within a key the order is that of the first stream's values, for each of them that of the other's; keys of the first
 * stream come first, in order of first appearance. The streams need the same batch interval. A stream that has no batch
 * of a time counts as one with an empty batch. The batch is complete when the effects on what comes out have settled, and
 * not before, for both streams. The result is one partition without an offset range.
 *
 * Source: Spark's `fullOuterJoin`.
 *
 * @throws {IntervalMismatchError} (as a notification) when the batch intervals differ
 * @throws {InvalidRecordError} (as a notification) when a record is no pair, or its key is an object
 * @throws {LateBatchError} (as a notification) when a stream brings a batch of a time that has passed
 *
 * @example
 * ```ts
 * import { foreachBatch, fullOuterJoin, type Pair } from 'dstream';
 * import { runBatches } from 'dstream/testing';
 *
 * runBatches(({ batches }) => {
 *   const orders = batches<Pair<string, string>>('-a|', { a: [['ann', 'tea'], ['eve', 'jam']] });
 *   const users = batches<Pair<string, string>>(' -a|', { a: [['ann', 'Paris'], ['bob', 'Rome']] });
 *
 *   orders
 *     .pipe(
 *       fullOuterJoin(users),
 *       foreachBatch((pairs) => { for (const [key, both] of pairs) console.log(key, both); }),
 *     )
 *     .subscribe();
 * });
 * // => ann [ 'tea', 'Paris' ]
 * // => eve [ 'jam', undefined ]
 * // => bob [ undefined, 'Rome' ]
 * ```
 */
export function fullOuterJoin<P extends Pair<Key, unknown>, V>(
  other: Observable<Batch<P>>,
): OperatorFunction<Batch<Pair<P[0], V>>, Batch<Pair<P[0], readonly [V | undefined, P[1] | undefined]>>> {
  return perTwoBatches('fullOuterJoin', other, (left: Batch<Pair<P[0], V>>, right) =>
    joinPairs('fullOuterJoin', left, right, 'full'),
  );
}
