import { defer, from, map, mergeMap, type ObservableInput, type OperatorFunction, of, reduce, tap } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import { insideEffect } from '../batch/insideEffect.js';
import { derivedFrom } from '../batch/lineage.js';
import type { Partition } from '../batch/partition.js';
import { heldEffects } from '../operators/base/heldEffects.js';
import { isPromise } from '../operators/base/settled.js';
import { checkOptions, required } from '../options/checkOptions.js';
import { checkFunction } from '../options/checks.js';
import {
  type ForeachPartitionOptions,
  foreachPartition,
  foreachPartitionChecks,
  type PartitionContext,
  partitionId,
} from './foreachPartition.js';

/** Options of `foreachPartitionOnce`. */
export interface ForeachPartitionOnceOptions<T> extends ForeachPartitionOptions<T> {
  /**
   * Returns which of these ids have been written, by this process or an earlier one. Called once per batch, with the ids of its
   * partitions; every value of the returned `ObservableInput` is a list of ids.
   */
  readonly written: (ids: readonly string[]) => ObservableInput<Iterable<string>>;
}

/**
 * Output operation with an effect that happens exactly once, by unique ids: calls `effect` with each partition of each
 * batch, except those already written. It is `foreachPartition`, and takes its options.
 *
 * The id of a partition is `TIME-INDEX`, in a job that is divided into tasks `TIME-TASK-INDEX`, in a stream with `partitions` of its own
 * `TIME-TOPIC-PARTITION-INDEX`. It is the same when the batch runs again after a crash, because its time and its ranges were saved before it
 * was read (which takes a checkpoint). `effect` writes the records and the id as one: a row with the id in the same transaction, an object
 * with the id as its name. `written` then finds what exists already.
 *
 * Takes batches of any records; passes them on unchanged, in order.
 *
 * Source: Spark's guide to exactly-once output, which explains how to do it by hand.
 *
 * @throws {InvalidOptionError} if `effect` or `written` is not a function, or an option is out of its range
 *
 * @example
 * ```ts
 * import { foreachBatch, foreachPartitionOnce, fromBatches, memoryCheckpoint } from 'dstream';
 * import { retry } from 'rxjs';
 *
 * const store = new Map<string, readonly string[]>();
 * let crashes = 1;
 * fromBatches([['a', 'b']], { interval: 10, checkpoint: memoryCheckpoint() })
 *   .pipe(
 *     foreachPartitionOnce(
 *       ({ index, records }, { id }) => {
 *         console.log('writing', index);
 *         store.set(id, records);
 *       },
 *       { written: (ids) => [ids.filter((id) => store.has(id))] },
 *     ),
 *     foreachBatch(() => {
 *       if (crashes-- > 0) throw new Error('crash after the output');
 *     }),
 *     retry(1),
 *   )
 *   .subscribe({ complete: () => console.log([...store.values()]) });
 * // => writing 0
 * // => writing 1
 * // => [ [ 'a' ], [ 'b' ] ]
 * ```
 *
 * @see {@link foreachPartition}
 * @see {@link foreachBatchInTransaction}
 * @see {@link sendToKafka}
 */
export function foreachPartitionOnce<T>(
  effect: (partition: Partition<T>, context: PartitionContext) => unknown,
  options: ForeachPartitionOnceOptions<T>,
): OperatorFunction<Batch<T>, Batch<T>> {
  checkFunction('foreachPartitionOnce', 'effect', effect);
  checkOptions('foreachPartitionOnce', options, { ...foreachPartitionChecks, written: required(checkFunction) });
  const { written, ...others } = options;
  return (source) => {
    const passedOn = defer(() => {
      /** The ids already written, of the batches in progress, by time. */
      const found = new Map<number, ReadonlySet<string>>();
      const ask = (batch: Batch<T>) => {
        const { context, partitions } = batch;
        const { time } = context;
        const ids = partitions.map(({ index }) => partitionId(context, index));
        return from(insideEffect(context, () => written(ids))).pipe(
          mergeMap((ids) => (isPromise(ids) ? from(ids as PromiseLike<Iterable<string>>) : of(ids))),
          reduce((all, ids) => new Set([...all, ...ids]), new Set<string>()),
          map((ids) => {
            found.set(time, ids);
            return batch;
          }),
        );
      };
      const unlessWritten: typeof effect = (partition, context) =>
        found.get(context.time)?.has(context.id) ? undefined : effect(partition, context);
      return source.pipe(
        heldEffects(ask, true),
        foreachPartition(unlessWritten, others),
        tap(({ context }) => void found.delete(context.time)),
      );
    });
    return derivedFrom(passedOn, source);
  };
}
