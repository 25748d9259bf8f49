import type { OperatorFunction } from 'rxjs';
import { Batch } from '../batch/batch.js';
import { InvalidRecordError } from '../batch/errors.js';
import type { Key, Pair } from '../batch/key.js';
import { checkPair } from '../collections/pairs.js';
import { checkFunction, checkPositiveInteger } from '../options/checks.js';
import { kafkaPartitioner, type Partitioner } from '../partitioning/kafkaPartitioner.js';
import { perBatch } from './base/perBatch.js';

/**
 * Puts the pairs of each batch into partitions by their keys: all pairs of a key into one, in their order.
 *
 * By default a key is where Kafka's default partitioner puts it: a topic of as many partitions agrees. Every partition is
 * there, an empty one too; none has an offset range.
 *
 * Takes batches of pairs. A batch costs one call of the partitioner and one push a record.
 *
 * Source: Spark's `partitionBy`.
 *
 * @throws {InvalidOptionError} when `partitions` is no positive integer, or `partitioner` no function
 * @throws {InvalidRecordError} (as a notification) when a record is no pair, its key is an object, or the partitioner gives
 * no partition that there is
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
 */
export function partitionBy<K extends Key, V>(
  partitions: number,
  partitioner: Partitioner<K> = kafkaPartitioner,
): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, V>>> {
  checkPositiveInteger('partitionBy', 'partitions', partitions);
  checkFunction('partitionBy', 'partitioner', partitioner);
  return perBatch(() => (batch) => {
    const spread = Array.from({ length: partitions }, (_, index) => ({ index, records: [] as Pair<K, V>[] }));
    for (const { records } of batch.partitions) {
      for (const record of records) {
        // A check of the key alone would do, but an array is known by nothing else.
        if (!Array.isArray(record) || typeof record[0] !== 'string') checkPair('partitionBy', record);
        const partition = partitioner(record[0], partitions);
        const place = spread[partition];
        if (!place) {
          const rule = `has partition ${partition}, which must be an integer of at least 0 and below ${partitions}`;
          throw new InvalidRecordError('partitionBy', record, rule);
        }
        place.records.push(record);
      }
    }
    return new Batch(spread, batch.context);
  });
}
