import {
  concatMap,
  defaultIfEmpty,
  forkJoin,
  from,
  last,
  map,
  type Observable,
  type ObservableInput,
  type OperatorFunction,
  of,
} from 'rxjs';
import { Batch } from '../batch/batch.js';
import type { BatchContext } from '../batch/batchContext.js';
import { InvalidRecordError } from '../batch/errors.js';
import { insideEffect } from '../batch/insideEffect.js';
import type { NothingInferred, PairLike, PairOf } from '../batch/pairOf.js';
import { checkOptions, type OptionChecks } from '../options/checkOptions.js';
import { checkFunction, oneOf } from '../options/checks.js';
import { heldEffects } from './base/heldEffects.js';
import { isPromise } from './base/settled.js';

/**
 * Records that are not there yet, as the function of `concatMapBatch` returns them: a promise or any `ObservableInput` of an array,
 * or an array of promises. Records that are promises are awaited, all at once.
 */
export type AsyncRecords<R> = ObservableInput<readonly (R | PromiseLike<R>)[]> | readonly PromiseLike<R>[];

/** Options of `concatMapBatch`. */
export interface ConcatMapBatchOptions {
  /**
   * What `project` is called with: all records of a batch, or those of each partition, all partitions at once, also with an empty
   * one. By partition the results keep the partitions with their offset ranges, which outputs by partition need.
   * @default 'batch'
   */
  readonly by?: 'batch' | 'partition' | undefined;
}

const optionChecks: OptionChecks<ConcatMapBatchOptions> = { by: oneOf('batch', 'partition') };

/**
 * Transforms the records of each batch asynchronously, one batch after another, and holds the batch until it has finished.
 * Use it where you would use RxJS's `concatMap`, which takes no hold and so lets the batch complete too early.
 *
 * `project` returns the new records: a promise of an array, an array of promises, or any `ObservableInput`, of which the last
 * value counts. The resulting batch has them in one partition without an offset range; with `by: 'partition'` each partition keeps its
 * place and its range. If `project` throws or fails, the batch fails.
 *
 * Source: RxJS's `concatMap`; Spark has no asynchronous transformation.
 *
 * @throws {InvalidOptionError} if `project` is not a function, or `by` is neither `'batch'` nor `'partition'`
 * @throws {InvalidRecordError} (as a notification) if `project` does not return an array of records
 *
 * @example
 * ```ts
 * import { concatMapBatch, foreachBatch, fromBatches } from 'dstream';
 *
 * const prices = new Map([['a', 1], ['b', 2]]);
 * fromBatches([['a', 'b']], { interval: 10 })
 *   .pipe(
 *     concatMapBatch(async (names) => names.map((name) => prices.get(name))),
 *     foreachBatch((records) => console.log(records)),
 *   )
 *   .subscribe();
 * // => [ 1, 2 ]
 * ```
 *
 * @see {@link transformBatch}
 * @see {@link foreachBatch}
 * @see {@link mapRecords}
 */
export function concatMapBatch<T, P extends PairLike = NothingInferred>(
  project: (records: readonly T[], context: BatchContext) => AsyncRecords<P>,
  options?: ConcatMapBatchOptions,
): OperatorFunction<Batch<T>, Batch<PairOf<NoInfer<P>>>>;
/**
 * Transforms the records of each batch asynchronously, one batch after another, and holds the batch until it has
 * finished.
 */
export function concatMapBatch<T, R>(
  project: (records: readonly T[], context: BatchContext) => AsyncRecords<R>,
  options?: ConcatMapBatchOptions,
): OperatorFunction<Batch<T>, Batch<R>>;
export function concatMapBatch<T, R>(
  project: (records: readonly T[], context: BatchContext) => AsyncRecords<R>,
  options: ConcatMapBatchOptions = {},
): OperatorFunction<Batch<T>, Batch<R>> {
  checkFunction('concatMapBatch', 'project', project);
  checkOptions('concatMapBatch', options, optionChecks);
  const { by = 'batch' } = options;
  const projected = (records: readonly T[], context: BatchContext) =>
    recordsFrom(insideEffect(context, () => project(records, context)));
  const whole = (batch: Batch<T>) =>
    projected(batch.records, batch.context).pipe(map((records) => batch.withRecords(records)));
  const byPartition = ({ partitions, context }: Batch<T>) =>
    forkJoin(partitions.map(({ records }) => projected(records, context).pipe(last()))).pipe(
      defaultIfEmpty([]),
      map((results) => {
        const kept = partitions.map(({ offsets: _, ...same }, i) => ({ ...same, records: results[i] ?? [] }));
        return new Batch<R>(kept, context);
      }),
    );
  return heldEffects(by === 'batch' ? whole : byPartition, false, { operator: 'concatMapBatch' });
}

function recordsFrom<R>(returned: AsyncRecords<R>): Observable<readonly R[]> {
  const lists = arePromises<R>(returned)
    ? of(returned)
    : from(returned as ObservableInput<readonly (R | PromiseLike<R>)[]>);
  return lists.pipe(
    concatMap((records) => {
      if (!Array.isArray(records))
        throw new InvalidRecordError('concatMapBatch', records, 'is not an array of records');
      return arePromises<R>(records) ? Promise.all(records) : of(records as readonly R[]);
    }),
  );
}

function arePromises<R>(list: unknown): list is readonly PromiseLike<R>[] {
  return Array.isArray(list) && list.some(isPromise);
}
