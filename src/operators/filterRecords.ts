import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { BatchContext } from '../batch/batchContext.js';
import { checkFunction } from '../options/checks.js';
import { perRecord } from './fusion/perRecord.js';

/**
 * Keeps the records for which `predicate` returns true. A batch with none left passes on, empty; partitions and context
 * stay as they are.
 *
 * Source: Spark's `filter`.
 *
 * @throws {InvalidOptionError} if `predicate` is not a function
 *
 * @example
 * ```ts
 * import { filterRecords, foreachBatch, fromBatches } from 'dstream';
 *
 * fromBatches([[1, 2, 3]], { interval: 10 })
 *   .pipe(
 *     filterRecords((n) => n % 2 === 1),
 *     foreachBatch((odd) => console.log(odd)),
 *   )
 *   .subscribe();
 * // => [ 1, 3 ]
 * ```
 *
 * @see {@link filterBatches}
 * @see {@link mapRecords}
 * @see {@link flatMapRecords}
 */
export function filterRecords<T, S extends T>(
  predicate: (record: T, context: BatchContext) => record is S,
): OperatorFunction<Batch<T>, Batch<S>>;
/** Keeps the records for which `predicate` returns true. */
export function filterRecords<T>(
  predicate: (record: T, context: BatchContext) => boolean,
): OperatorFunction<Batch<T>, Batch<T>>;
export function filterRecords<T>(
  predicate: (record: T, context: BatchContext) => boolean,
): OperatorFunction<Batch<T>, Batch<T>> {
  checkFunction('filterRecords', 'predicate', predicate);
  return perRecord('filterRecords', (next, context) => (record) => {
    if (predicate(record, context)) next(record);
  });
}
