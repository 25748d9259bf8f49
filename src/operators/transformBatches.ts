import type { Observable, OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { BatchContext } from '../batch/batchContext.js';
import { InvalidRecordError } from '../batch/errors.js';
import { checkFunction } from '../options/checks.js';
import { perTwoBatches } from './base/perTwoBatches.js';

/**
 * Replaces the records of two streams' batches of one time by what a function of all of them gives: for whatever the joins
 * and unions do not.
 *
 * The streams need the same batch interval. A stream that has no batch of a time counts as one with an empty batch. The
 * batch is complete when the effects on what comes out have settled, and not before, for both streams. The result is one
 * partition without an offset range.
 *
 * Source: Spark's `transformWith`.
 *
 * @throws {IntervalMismatchError} (as a notification) when the batch intervals differ
 * @throws {InvalidRecordError} (as a notification) when the function gives nothing
 * @throws {LateBatchError} (as a notification) when a stream brings a batch of a time that has passed
 *
 * @example
 * ```ts
 * import { foreachBatch, transformBatches } from 'dstream';
 * import { runBatches } from 'dstream/testing';
 *
 * runBatches(({ batches }) => {
 *   const words = batches('    -a|', { a: ['to', 'be', 'or'] });
 *   const stopWords = batches('-a|', { a: ['or', 'not'] });
 *
 *   words
 *     .pipe(
 *       transformBatches(stopWords, (all, stops) => all.filter((word) => !stops.includes(word))),
 *       foreachBatch((left) => console.log(left)),
 *     )
 *     .subscribe();
 * });
 * // => [ 'to', 'be' ]
 * ```
 */
export function transformBatches<T, U, R>(
  other: Observable<Batch<U>>,
  transform: (records: readonly T[], others: readonly U[], context: BatchContext) => readonly R[],
): OperatorFunction<Batch<T>, Batch<R>> {
  checkFunction('transformBatches', 'transform', transform);
  return perTwoBatches('transformBatches', other, (left: Batch<T>, right, context) => {
    const records = transform(left.records, right.records, context);
    if (!Array.isArray(records)) throw new InvalidRecordError('transformBatches', records, 'is no array of records');
    return records;
  });
}
