import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { TupleHint } from '../batch/pairOf.js';
import { foldRecords } from '../collections/foldRecords.js';
import { checkFunction } from '../options/checks.js';
import { perBatch } from './base/perBatch.js';
import { afterSteps } from './fusion/perRecord.js';

/**
 * Reduces the records of each batch to one, in order. An empty batch stays empty.
 *
 * Source: Spark's `reduce`.
 *
 * @throws {InvalidOptionError} if `reduce` is not a function
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches, reduceBatch } from 'dstream';
 *
 * fromBatches([[1, 2, 3], []], { interval: 10 })
 *   .pipe(
 *     reduceBatch((a, b) => a + b),
 *     foreachBatch((sum) => console.log(sum)),
 *   )
 *   .subscribe();
 * // => [ 6 ]
 * // => []
 * ```
 *
 * @see {@link reduceByWindow}
 * @see {@link runningReduce}
 * @see {@link reduceByKey}
 * @see {@link countBatch}
 */
export function reduceBatch<T>(reduce: (a: T, b: T) => T | TupleHint): OperatorFunction<Batch<T>, Batch<T>> {
  checkFunction('reduceBatch', 'reduce', reduce);
  return afterSteps<T, T>({ operator: 'reduceBatch' }, (visitRecords) =>
    perBatch('reduceBatch', () => (batch) => {
      const reduced = foldRecords<T, T>(
        (first) => first,
        reduce as (a: T, b: T) => T,
        (next) => visitRecords(batch, next),
      );
      return batch.withRecords(reduced ?? []);
    }),
  );
}
