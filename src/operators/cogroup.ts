import type { Observable, OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { Key, Pair } from '../batch/key.js';
import { cogroupPairs } from '../collections/pairs.js';
import { perTwoBatches } from './base/perTwoBatches.js';

/**
 * Collects the values of each key in the batches of two streams of one time: one pair `[key, [values, others]]` a key,
 * either of which may be empty. Keys of the first stream come first, in order of first appearance.
 *
 * The streams need the same batch interval. A stream that has no batch of a time counts as one with an empty batch. The
 * batch is complete when the effects on what comes out have settled, and not before, for both streams. The result is one
 * partition without an offset range.
 *
 * Source: Spark's `cogroup`.
 *
 * @throws {IntervalMismatchError} (as a notification) when the batch intervals differ
 * @throws {InvalidRecordError} (as a notification) when a record is no pair, or its key is an object
 * @throws {LateBatchError} (as a notification) when a stream brings a batch of a time that has passed
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
