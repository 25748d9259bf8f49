import type { Observable, OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { Key, Pair } from '../batch/key.js';
import { joinPairs } from '../collections/pairs.js';
import { perTwoBatches } from './base/perTwoBatches.js';

/**
 * Pairs every value of a key with every value of the same key in the other stream's batch of the same time: pairs
 * `[key, [value, other]]`, where `other` is `undefined` for a key that only the first stream's batch has.
 *
 * Within a key the values of the first stream determine the order, and for each of them those of the other; keys of
 * the first stream come first, in order of first appearance. The streams are those of one driver: `batchesFrom`. A
 * stream without a batch at that time counts as one with an empty batch. The batch is complete when the effects on
 * the result have settled. The result is one partition without an offset range.
 *
 * Source: Spark's `leftOuterJoin`.
 *
 * @throws {InvalidOptionError} if `other` is not an Observable
 * @throws {ForeignStreamError} (as a notification) if the streams are of different drivers
 * @throws {InvalidRecordError} (as a notification) if a record is not a pair, or its key is an object
 * @throws {LateBatchError} (as a notification) if a stream emits a batch whose time has passed
 *
 * @see {@link batchesFrom}, {@link join}, {@link rightOuterJoin}, {@link fullOuterJoin}, {@link cogroup}
 *
 * @example
 * ```ts
 * import { batchesFrom, batchesSource, foreachBatch, leftOuterJoin } from 'dstream';
 *
 * const { orders, users } = batchesFrom(
 *   {
 *     orders: batchesSource([[['ann', 'tea'], ['eve', 'jam']]]),
 *     users: batchesSource([[['ann', 'Paris'], ['bob', 'Rome']]]),
 *   },
 *   { interval: 10 },
 * );
 * orders
 *   .pipe(
 *     leftOuterJoin(users),
 *     foreachBatch((pairs) => { for (const [key, both] of pairs) console.log(key, both); }),
 *   )
 *   .subscribe();
 * // => ann [ 'tea', 'Paris' ]
 * // => eve [ 'jam', undefined ]
 * ```
 */
export function leftOuterJoin<P extends Pair<Key, unknown>, V>(
  other: Observable<Batch<P>>,
): OperatorFunction<Batch<Pair<P[0], V>>, Batch<Pair<P[0], readonly [V, P[1] | undefined]>>> {
  return perTwoBatches(
    'leftOuterJoin',
    other,
    (left: Batch<Pair<P[0], V>>, right) =>
      joinPairs('leftOuterJoin', left, right, 'left') as readonly Pair<P[0], readonly [V, P[1] | undefined]>[],
  );
}
