import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import { perBatch } from './base/perBatch.js';

/**
 * Counts the records of each batch. Emits one record, 0 for an empty batch.
 *
 * Source: Spark's `count`.
 *
 * @example
 * ```ts
 * import { countBatch, foreachBatch, fromBatches } from 'dstream';
 *
 * fromBatches([['a', 'b'], []], { interval: 10 })
 *   .pipe(
 *     countBatch(),
 *     foreachBatch((count) => console.log(count)),
 *   )
 *   .subscribe();
 * // => [ 2 ]
 * // => [ 0 ]
 * ```
 *
 * @see {@link countByWindow}
 * @see {@link countByValue}
 * @see {@link reduceBatch}
 */
export function countBatch<T>(): OperatorFunction<Batch<T>, Batch<number>> {
  return perBatch('countBatch', () => (batch) => batch.withRecords([batch.size]));
}
