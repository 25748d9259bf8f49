import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import { perBatch } from './base/perBatch.js';

/**
 * Makes one record of all records of a partition: an array, empty where the partition is.
 *
 * Source: Spark's `glom`.
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches, glom } from 'dstream';
 *
 * fromBatches([['a', 'b', 'c']], { interval: 10, partitions: 2 })
 *   .pipe(
 *     glom(),
 *     foreachBatch((partitions) => console.log(partitions)),
 *   )
 *   .subscribe();
 * // => [ [ 'a', 'b' ], [ 'c' ] ]
 * ```
 */
export function glom<T>(): OperatorFunction<Batch<T>, Batch<readonly T[]>> {
  return perBatch(() => (batch) => batch.withPartitions(({ records }) => [records]));
}
