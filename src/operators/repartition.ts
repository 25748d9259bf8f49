import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import { checkPositiveInteger } from '../options/checks.js';
import { perBatch } from './base/perBatch.js';
import { spreadRecords } from './fusion/spreadRecords.js';

/**
 * Distributes the records of each batch over a number of partitions, in turn. The partitions have no offset range.
 *
 * Source: Spark's `repartition`.
 *
 * @throws {InvalidOptionError} if `partitions` is not a positive integer
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches, glom, repartition } from 'dstream';
 *
 * fromBatches([['a', 'b', 'c']], { interval: 10 })
 *   .pipe(
 *     repartition(2),
 *     glom(),
 *     foreachBatch((partitions) => console.log(partitions)),
 *   )
 *   .subscribe();
 * // => [ [ 'a', 'c' ], [ 'b' ] ]
 * ```
 *
 * @see {@link partitionBy}
 * @see {@link glom}
 * @see {@link mapPartitions}
 */
export function repartition<T>(partitions: number): OperatorFunction<Batch<T>, Batch<T>> {
  checkPositiveInteger('repartition', 'partitions', partitions);
  return perBatch('repartition', () => (batch) => {
    let next = -1;
    return spreadRecords('repartition', batch, partitions, () => {
      next = next + 1 === partitions ? 0 : next + 1;
      return next;
    });
  });
}
