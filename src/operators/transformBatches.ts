import type { Observable, OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { BatchContext } from '../batch/batchContext.js';
import { InvalidRecordError } from '../batch/errors.js';
import { checkFunction } from '../options/checks.js';
import { perTwoBatches } from './base/perTwoBatches.js';

/**
 * Replaces the records of two streams' batches of the same time with the result of a function of all of them: for
 * anything that the joins and unions do not do.
 *
 * The streams are those of one driver: `batchesFrom`. A stream without a batch at that time counts as one with an
 * empty batch. The batch is complete when the effects on the result have settled. The result is one partition
 * without an offset range.
 *
 * Source: Spark's `transformWith`.
 *
 * @throws {InvalidOptionError} if `other` is not an Observable, or `transform` is not a function
 * @throws {ForeignStreamError} (as a notification) if the streams are of different drivers
 * @throws {InvalidRecordError} (as a notification) if the function does not return an array
 * @throws {LateBatchError} (as a notification) if a stream emits a batch whose time has passed
 *
 * @see {@link batchesFrom}, {@link transformBatch}, {@link unionBatches}, {@link join}
 *
 * @example
 * ```ts
 * import { batchesFrom, batchesSource, foreachBatch, transformBatches } from 'dstream';
 *
 * const { words, stopWords } = batchesFrom(
 *   {
 *     words: batchesSource([['to', 'be', 'or']]),
 *     stopWords: batchesSource([['or', 'not']]),
 *   },
 *   { interval: 10 },
 * );
 * words
 *   .pipe(
 *     transformBatches(stopWords, (all, stops) => all.filter((word) => !stops.includes(word))),
 *     foreachBatch((left) => console.log(left)),
 *   )
 *   .subscribe();
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
