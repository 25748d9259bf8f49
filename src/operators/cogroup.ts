import type { Observable, OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { Key, Pair } from '../batch/key.js';
import { cogroupPairs } from '../collections/pairs.js';
import { perTwoBatches } from './base/perTwoBatches.js';

/**
 * Collects the values of each key in the batches of the same time of two streams: one pair `[key, [values,
 * others]]` per key, where either side may be empty. Keys of the first stream come first, in order of first
 * appearance.
 *
 * The streams are those of one driver: `batchesFrom`. A stream without a batch at that time counts as one with an
 * empty batch. The batch is complete when the effects on the result have settled. The result is one partition
 * without an offset range.
 *
 * Source: Spark's `cogroup`.
 *
 * @throws {InvalidOptionError} if `other` is not an Observable
 * @throws {ForeignStreamError} (as a notification) if the streams are of different drivers
 * @throws {InvalidRecordError} (as a notification) if a record is not a pair, or its key is an object
 * @throws {LateBatchError} (as a notification) if a stream emits a batch whose time has passed
 *
 * @see {@link batchesFrom}, {@link join}, {@link fullOuterJoin}
 *
 * @example
 * ```ts
 * import { batchesFrom, cogroup, foreachBatch, logSource, memoryLog, string, mapRecords } from 'dstream';
 *
 * const log = memoryLog({ topics: { orders: 1, users: 1 } });
 * log.append('orders', [{ value: 'ann:tea' }, { value: 'ann:jam' }]);
 * log.append('users', [{ value: 'ann:Paris' }, { value: 'bob:Rome' }]);
 * const source = (topic: string) =>
 *   logSource(log, { topics: [topic], start: 'earliest', deserialize: string() });
 * const { orders, users } = batchesFrom({ orders: source('orders'), users: source('users') }, { interval: 10 });
 * const pairs = mapRecords((text: string | null) => (text ?? '').split(':') as [string, string]);
 *
 * orders
 *   .pipe(
 *     pairs,
 *     cogroup(users.pipe(pairs)),
 *     foreachBatch((groups) => console.log(JSON.stringify(groups))),
 *   )
 *   .subscribe(() => orders.stop());
 * // => [["ann",[["tea","jam"],["Paris"]]],["bob",[[],["Rome"]]]]
 * ```
 */
export function cogroup<P extends Pair<Key, unknown>, V>(
  other: Observable<Batch<P>>,
): OperatorFunction<Batch<Pair<P[0], V>>, Batch<Pair<P[0], readonly [readonly V[], readonly P[1][]]>>> {
  return perTwoBatches('cogroup', other, (left: Batch<Pair<P[0], V>>, right) => [
    ...cogroupPairs('cogroup', left.partitions, right.partitions),
  ]);
}
