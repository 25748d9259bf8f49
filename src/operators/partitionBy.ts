import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import { InvalidRecordError } from '../batch/errors.js';
import type { Key, Pair } from '../batch/key.js';
import { checkPair } from '../collections/pairs.js';
import { checkFunction, checkPositiveInteger } from '../options/checks.js';
import { kafkaPartitioner, type Partitioner } from '../partitioning/kafkaPartitioner.js';
import { perBatch } from './base/perBatch.js';
import { spreadRecords } from './fusion/spreadRecords.js';

/**
 * Distributes the pairs of each batch over partitions by their keys: all pairs of a key are in one partition, in their
 * order.
 *
 * By default a key goes where Kafka's default partitioner puts it, so that it matches a topic with the same number of
 * partitions. Every partition is present, also an empty one; none has an offset range.
 *
 * Takes batches of pairs. A batch costs one call of the partitioner per record.
 *
 * Source: Spark's `partitionBy`.
 *
 * @throws {InvalidOptionError} if `partitions` is not a positive integer, or `partitioner` is not a function
 * @throws {InvalidRecordError} (as a notification) if a record is not a pair, its key is an object, or the partitioner
 * returns no existing partition
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches, glom, type Pair, partitionBy } from 'dstream';
 *
 * const flights: Pair<string, number>[] = [['SFO', 10], ['LAX', 5], ['SFO', 30]];
 * fromBatches([flights], { interval: 10 })
 *   .pipe(
 *     partitionBy(3),
 *     glom(),
 *     foreachBatch((partitions) => console.log(JSON.stringify(partitions))),
 *   )
 *   .subscribe();
 * // => [[],[["SFO",10],["SFO",30]],[["LAX",5]]]
 * ```
 *
 * @see {@link repartition}
 * @see {@link kafkaPartitioner}
 * @see {@link foreachPartition}
 */
export function partitionBy<K extends Key, V>(
  partitions: number,
  partitioner: Partitioner<K> = kafkaPartitioner,
): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, V>>> {
  checkPositiveInteger('partitionBy', 'partitions', partitions);
  checkFunction('partitionBy', 'partitioner', partitioner);
  return perBatch('partitionBy', () => (batch) => {
    return spreadRecords('partitionBy', batch, partitions, (record) => {
      // A check of the key would be enough, but only this recognizes an array.
      if (!Array.isArray(record) || typeof record[0] !== 'string') checkPair('partitionBy', record);
      const partition = partitioner(record[0], partitions);
      if (Number.isInteger(partition) && partition >= 0 && partition < partitions) return partition;
      const rule = `has partition ${partition}, which must be an integer of at least 0 and below ${partitions}`;
      throw new InvalidRecordError('partitionBy', record, rule);
    });
  });
}
