import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { BatchContext } from '../batch/batchContext.js';
import type { PairLike, PairOf } from '../batch/pairOf.js';
import { checkFunction } from '../options/checks.js';
import { perRecord } from './fusion/perRecord.js';

/**
 * Applies a function to every record. Partitions, offset ranges and context stay as they are. A result that is an array of
 * two elements is a pair: `[word, 1]` has the type `Pair<string, number>`.
 *
 * Source: Spark's `map`.
 *
 * @throws {InvalidOptionError} if `project` is not a function
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
 *
 * @see {@link flatMapRecords}
 * @see {@link filterRecords}
 * @see {@link mapValues}
 * @see {@link mapPartitions}
 */
export function mapRecords<T, P extends PairLike>(
  project: (record: T, context: BatchContext) => P,
): OperatorFunction<Batch<T>, Batch<PairOf<NoInfer<P>>>>;
/** Applies a function to every record. */
export function mapRecords<T, R>(
  project: (record: T, context: BatchContext) => R,
): OperatorFunction<Batch<T>, Batch<R>>;
export function mapRecords<T, R>(
  project: (record: T, context: BatchContext) => R,
): OperatorFunction<Batch<T>, Batch<R>> {
  checkFunction('mapRecords', 'project', project);
  return perRecord('mapRecords', (next, context) => (record) => next(project(record, context)));
}
