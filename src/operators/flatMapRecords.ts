import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { BatchContext } from '../batch/batchContext.js';
import type { NothingInferred, PairLike, PairOf } from '../batch/pairOf.js';
import { checkFunction } from '../options/checks.js';
import { perRecord } from './fusion/perRecord.js';

/**
 * Replaces every record with any number of records, in order. Partitions and context stay as they are. A result that is an
 * array of two elements is a pair: `[word, 1]` has the type `Pair<string, number>`.
 *
 * Source: Spark's `flatMap`.
 *
 * @throws {InvalidOptionError} if `project` is not a function
 *
 * @example
 * ```ts
 * import { flatMapRecords, foreachBatch, fromBatches } from 'dstream';
 *
 * fromBatches([['to be', 'or not']], { interval: 10 })
 *   .pipe(
 *     flatMapRecords((line) => line.split(' ')),
 *     foreachBatch((words) => console.log(words)),
 *   )
 *   .subscribe();
 * // => [ 'to', 'be', 'or', 'not' ]
 * ```
 *
 * @see {@link mapRecords}
 * @see {@link flatMapValues}
 * @see {@link filterRecords}
 */
export function flatMapRecords<T, P extends PairLike = NothingInferred>(
  project: (record: T, context: BatchContext) => Iterable<P>,
): OperatorFunction<Batch<T>, Batch<PairOf<NoInfer<P>>>>;
/** Replaces every record with any number of records, in order. */
export function flatMapRecords<T, R>(
  project: (record: T, context: BatchContext) => Iterable<R>,
): OperatorFunction<Batch<T>, Batch<R>>;
export function flatMapRecords<T, R>(
  project: (record: T, context: BatchContext) => Iterable<R>,
): OperatorFunction<Batch<T>, Batch<R>> {
  checkFunction('flatMapRecords', 'project', project);
  return perRecord('flatMapRecords', (next, context) => (record) => {
    for (const result of project(record, context)) next(result);
  });
}
