import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { BatchContext } from '../batch/batchContext.js';
import { InvalidRecordError } from '../batch/errors.js';
import type { NothingInferred, PairLike, PairOf } from '../batch/pairOf.js';
import { checkFunction } from '../options/checks.js';
import { perBatch } from './base/perBatch.js';

/**
 * Replaces the records of each batch with the result of a function of all of them: for whatever no other operator does. The
 * result is one partition without an offset range.
 *
 * Source: Spark's `transform`.
 *
 * @throws {InvalidOptionError} if `transform` is not a function
 * @throws {InvalidRecordError} (as a notification) if the function does not return an array
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches, transformBatch } from 'dstream';
 *
 * fromBatches([[3, 1, 2]], { interval: 10 })
 *   .pipe(
 *     transformBatch((records) => [...records].sort()),
 *     foreachBatch((sorted) => console.log(sorted)),
 *   )
 *   .subscribe();
 * // => [ 1, 2, 3 ]
 * ```
 *
 * @see {@link transformBatches}
 * @see {@link concatMapBatch}
 * @see {@link mapPartitions}
 */
export function transformBatch<T, P extends PairLike = NothingInferred>(
  transform: (records: readonly T[], context: BatchContext) => readonly P[],
): OperatorFunction<Batch<T>, Batch<PairOf<NoInfer<P>>>>;
/**
 * Replaces the records of each batch with the result of a function of all of them: for whatever no other operator does.
 */
export function transformBatch<T, R>(
  transform: (records: readonly T[], context: BatchContext) => readonly R[],
): OperatorFunction<Batch<T>, Batch<R>>;
export function transformBatch<T, R>(
  transform: (records: readonly T[], context: BatchContext) => readonly R[],
): OperatorFunction<Batch<T>, Batch<R>> {
  checkFunction('transformBatch', 'transform', transform);
  return perBatch('transformBatch', () => (batch) => {
    const records = transform(batch.records, batch.context);
    if (!Array.isArray(records)) throw new InvalidRecordError('transformBatch', records, 'is not an array of records');
    return batch.withRecords(records);
  });
}
