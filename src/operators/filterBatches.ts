import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { BatchContext } from '../batch/batchContext.js';
import { checkFunction } from '../options/checks.js';
import { perBatch } from './base/perBatch.js';

/**
 * Passes only the batches for which `predicate` returns true. A batch that is dropped counts as claimed, so it completes;
 * RxJS's own `filter` would leave it unclaimed.
 *
 * Source: RxJS's `filter`.
 *
 * @throws {InvalidOptionError} if `predicate` is not a function
 *
 * @example
 * ```ts
 * import { filterBatches, foreachBatch, fromBatches } from 'dstream';
 *
 * fromBatches([['a'], [], ['b']], { interval: 10 })
 *   .pipe(
 *     filterBatches((records) => records.length > 0),
 *     foreachBatch((records) => console.log(records)),
 *   )
 *   .subscribe();
 * // => [ 'a' ]
 * // => [ 'b' ]
 * ```
 *
 * @see {@link filterRecords}
 * @see {@link concatMapBatch}
 */
export function filterBatches<T>(
  predicate: (records: readonly T[], context: BatchContext) => boolean,
): OperatorFunction<Batch<T>, Batch<T>> {
  checkFunction('filterBatches', 'predicate', predicate);
  return perBatch('filterBatches', () => (batch) => (predicate(batch.records, batch.context) ? batch : undefined));
}
