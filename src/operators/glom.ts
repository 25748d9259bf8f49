import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import { perBatch } from './base/perBatch.js';

/**
 * Turns all records of a partition into one record: an array, empty where the partition is empty.
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
 *
 * @see {@link mapPartitions}
 * @see {@link repartition}
 */
export function glom<T>(): OperatorFunction<Batch<T>, Batch<readonly T[]>> {
  return perBatch('glom', () => (batch) => batch.withPartitions(({ records }) => [records]));
}
