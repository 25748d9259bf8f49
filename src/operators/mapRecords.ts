import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { BatchContext } from '../batch/batchContext.js';
import type { PairLike, PairOf } from '../batch/pairOf.js';
import { checkFunction } from '../options/checks.js';
import { perRecord } from './fusion/perRecord.js';

/**
 * Applies a function to every record of every batch. Partitions, offset ranges and the context stay as they are.
 *
 * Source: Spark's `map`.
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches, mapRecords } from 'dstream';
 *
 * fromBatches([['a', 'bb']], { interval: 10 })
 *   .pipe(
 *     mapRecords((word) => word.length),
 *     foreachBatch((lengths) => console.log(lengths)),
 *   )
 *   .subscribe();
 * // => [ 1, 2 ]
 * ```
 */
export function mapRecords<T, P extends PairLike>(
  project: (record: T, context: BatchContext) => P,
): OperatorFunction<Batch<T>, Batch<PairOf<NoInfer<P>>>>;
export function mapRecords<T, R>(
  project: (record: T, context: BatchContext) => R,
): OperatorFunction<Batch<T>, Batch<R>>;
export function mapRecords<T, R>(
  project: (record: T, context: BatchContext) => R,
): OperatorFunction<Batch<T>, Batch<R>> {
  checkFunction('mapRecords', 'project', project);
  return perRecord((next, context) => (record) => next(project(record, context)));
}
