import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { Key, Pair } from '../batch/key.js';
import { groupPairs } from '../collections/pairs.js';
import { perBatch } from './base/perBatch.js';

/**
 * Collects the values of each key within a batch. Emits one pair per key: values in order, keys in the order of first
 * appearance.
 *
 * Takes batches of pairs. The result is one partition without an offset range; an empty batch stays empty.
 *
 * Source: Spark's `groupByKey`.
 *
 * @throws {InvalidRecordError} (as a notification) if a record is not a pair, or its key is an object
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches, groupByKey } from 'dstream';
 *
 * fromBatches([[['a', 1], ['b', 2], ['a', 3]]], { interval: 10 })
 *   .pipe(
 *     groupByKey(),
 *     foreachBatch((groups) => console.log(JSON.stringify(groups))),
 *   )
 *   .subscribe();
 * // => [["a",[1,3]],["b",[2]]]
 * ```
 *
 * @see {@link groupByKeyAndWindow}
 * @see {@link reduceByKey}
 * @see {@link aggregateByKey}
 * @see {@link cogroup}
 */
export function groupByKey<K extends Key, V>(): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, readonly V[]>>> {
  return perBatch('groupByKey', () => (batch) => batch.withRecords([...groupPairs('groupByKey', batch.partitions)]));
}
