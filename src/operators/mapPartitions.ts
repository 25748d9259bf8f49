import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { NothingInferred, PairLike, PairOf } from '../batch/pairOf.js';
import type { Partition } from '../batch/partition.js';
import { checkFunction } from '../options/checks.js';
import { perBatch } from './base/perBatch.js';

/**
 * Replaces the records of each partition as a whole: for work that the records of a partition share. Index and offset range
 * of the partition stay.
 *
 * Source: Spark's `mapPartitions`.
 *
 * @throws {InvalidOptionError} if `project` is not a function
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches, mapPartitions } from 'dstream';
 *
 * fromBatches([[1, 2, 3, 4]], { interval: 10, partitions: 2 })
 *   .pipe(
 *     mapPartitions(({ records }) => [Math.max(...records)]),
 *     foreachBatch((maxima) => console.log(maxima)),
 *   )
 *   .subscribe();
 * // => [ 2, 4 ]
 * ```
 *
 * @see {@link mapRecords}
 * @see {@link glom}
 * @see {@link transformBatch}
 * @see {@link foreachPartition}
 */
export function mapPartitions<T, P extends PairLike = NothingInferred>(
  project: (partition: Partition<T>) => Iterable<P>,
): OperatorFunction<Batch<T>, Batch<PairOf<NoInfer<P>>>>;
/** Replaces the records of each partition as a whole: for work that the records of a partition share. */
export function mapPartitions<T, R>(
  project: (partition: Partition<T>) => Iterable<R>,
): OperatorFunction<Batch<T>, Batch<R>>;
export function mapPartitions<T, R>(
  project: (partition: Partition<T>) => Iterable<R>,
): OperatorFunction<Batch<T>, Batch<R>> {
  checkFunction('mapPartitions', 'project', project);
  return perBatch(
    'mapPartitions',
    () => (batch) =>
      batch.withPartitions((partition) => {
        const results = project(partition);
        return Array.isArray(results) ? results : [...results];
      }),
  );
}
