import { EMPTY, type OperatorFunction, of } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { BatchContext } from '../batch/batchContext.js';
import { insideEffect } from '../batch/insideEffect.js';
import { stepped } from '../observables/steps.js';
import { heldEffects } from '../operators/base/heldEffects.js';
import { leftOf } from '../operators/base/settled.js';
import { checkOptions, type OptionChecks } from '../options/checkOptions.js';
import { checkFunction, checkText } from '../options/checks.js';

/** Options of `foreachBatch` and `foreachBatchInTransaction`. */
export interface ForeachBatchOptions {
  /**
   * Name of the output for monitors, errors, spans, log lines and the dashboard: it tells two outputs apart. It keeps no state.
   * Default: none.
   */
  readonly id?: string | undefined;
}

/** What each option must be. */
export const foreachBatchChecks: OptionChecks<ForeachBatchOptions> = { id: checkText };

/**
 * Output operation: calls `effect` with the records of each batch, and keeps the batch open until what it returns (a
 * promise or any `ObservableInput`; nothing if it is synchronous) has completed. Then the batch passes on.
 *
 * The batch also waits for promises and Observables in what `effect` returns: for `records.map(save)` until all are fulfilled,
 * as `Promise.all` does.
 *
 * Progress is saved only after the effect has settled, so an effect runs at least once. If it throws or fails, the batch
 * fails and the stream with it; nothing of the batch is saved.
 *
 * Takes batches of any records; passes them on unchanged, in order.
 *
 * Source: Spark's `foreachRDD`.
 *
 * @throws {InvalidOptionError} if `effect` is not a function, or `id` is not a text
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches } from 'dstream';
 *
 * fromBatches([['a', 'b'], ['c']], { interval: 10 })
 *   .pipe(foreachBatch((records, { interval }) => console.log(records.length, interval)))
 *   .subscribe();
 * // => 2 10
 * // => 1 10
 * ```
 *
 * @see {@link foreachPartition}
 * @see {@link foreachPartitionOnce}
 * @see {@link concatMapBatch}
 * @see {@link printBatches}
 */
export function foreachBatch<T>(
  effect: (records: readonly T[], context: BatchContext) => unknown,
  options: ForeachBatchOptions = {},
): OperatorFunction<Batch<T>, Batch<T>> {
  checkFunction('foreachBatch', 'effect', effect);
  checkOptions('foreachBatch', options, foreachBatchChecks);
  const run = (batch: Batch<T>) => {
    const { context } = batch;
    const left = leftOf(insideEffect(context, () => effect(batch.records, context)));
    if (left === EMPTY) return of(batch);
    return stepped(function* () {
      yield left;
      return batch;
    });
  };
  return heldEffects(run, true, { operator: 'foreachBatch', id: options.id });
}
