import {
  asyncScheduler,
  catchError,
  concat,
  defer,
  EMPTY,
  from,
  mergeMap,
  type Observable,
  type Observer,
  type OperatorFunction,
  of,
  retry,
  type SchedulerLike,
  tap,
  throwError,
} from 'rxjs';
import { backOff, longTimer } from '../backpressure/longDelay.js';
import type { Batch } from '../batch/batch.js';
import type { BatchContext } from '../batch/batchContext.js';
import { insideEffect } from '../batch/insideEffect.js';
import type { Partition } from '../batch/partition.js';
import type { TaskInfo } from '../batch/taskInfo.js';
import { heldEffects } from '../operators/base/heldEffects.js';
import { settled } from '../operators/base/settled.js';
import { checkOptions, type OptionChecks, required, shape } from '../options/checkOptions.js';
import {
  checkFunction,
  checkNonNegative,
  checkNonNegativeInteger,
  checkObserver,
  checkPositiveInteger,
  checkScheduler,
  checkText,
  oneOfOr,
  orInfinity,
  withMethods,
} from '../options/checks.js';

/** What an effect receives besides the partition. */
export interface PartitionContext {
  /**
   * `TIME-INDEX`; in a job that is divided into tasks `TIME-TASK-INDEX`, and in a stream that was given `partitions`
   * `TIME-TOPIC-PARTITION-INDEX`, or `TIME-TOPIC-PARTITION_HASH-INDEX` for several. Unique, and the same when the partition runs again, so
   * that what is written can be named by it.
   */
  readonly id: string;
  /** The batch time, in ms. */
  readonly time: number;
  /** The batch interval, in ms. */
  readonly interval: number;
  /** How often the effect on this partition has failed since the batch arrived. */
  readonly attempt: number;
  /** The task that the batch is of, where a job is divided into tasks. */
  readonly task?: TaskInfo | undefined;
  /**
   * What the id has between time and index.
   * @internal
   */
  readonly part?: string | undefined;
}

/** How a failed partition is retried: alone, while the others continue. */
export interface PartitionRetry {
  /** Maximum number of retries, an integer of at least 0. */
  readonly count: number;
  /**
   * Delay before the first retry, in ms; it doubles for each further retry.
   * @default 100
   */
  readonly delay?: number;
  /**
   * Longest delay between two retries, in ms.
   * @default 10000
   */
  readonly maxDelay?: number;
  /**
   * Whether a retry may help with an error.
   * @default always
   */
  readonly when?: (error: unknown) => boolean;
}

/** A partition whose effect failed permanently, as a dead-letter Observer receives it. */
export interface FailedPartition<T> {
  /** The id of the partition, as in `PartitionContext`. */
  readonly id: string;
  /** The batch time, in ms. */
  readonly time: number;
  /** The partition with its records. */
  readonly partition: Partition<T>;
  /** What the last attempt failed with. */
  readonly error: unknown;
}

/** How much of a batch `foreachPartition` skipped. */
export interface SkippedPartitions {
  /** The batch time, in ms. */
  readonly time: number;
  /** Number of partitions that were skipped. */
  readonly partitions: number;
  /** Number of records in them. */
  readonly records: number;
}

/** An Observer that receives the partitions that failed permanently. */
export interface DeadLetters<T> {
  /** Receives a failed partition. If it returns an `ObservableInput`, the batch stays open until that has completed. */
  next(failed: FailedPartition<T>): unknown;
}

/** Options of `foreachPartition`. */
export interface ForeachPartitionOptions<T> {
  /**
   * Name of the output for monitors, errors, spans, log lines and the dashboard: it tells two outputs apart. It keeps no state.
   * Default: none.
   */
  readonly id?: string | undefined;
  /**
   * Number of partitions of a batch that run at once, a positive integer or `Infinity`.
   * @default Infinity
   */
  readonly concurrency?: number | undefined;
  /** How a failed partition is retried. Default: not at all. */
  readonly retry?: PartitionRetry | undefined;
  /**
   * What happens to a partition that failed permanently: fail the batch and the stream, skip and count it, or pass it to a
   * dead-letter Observer and continue.
   * @default 'fail'
   */
  readonly onError?: 'fail' | 'skip' | DeadLetters<T> | undefined;
  /**
   * Observes how much of a batch was skipped, once for each batch with skipped partitions. If its `next` throws, the batch
   * fails. Default: no observer.
   */
  readonly skipObserver?: Partial<Observer<SkippedPartitions>> | undefined;
  /**
   * The timer of the retries.
   * @default asyncScheduler
   */
  readonly scheduler?: SchedulerLike | undefined;
}

/** What each option must be. */
export const foreachPartitionChecks: OptionChecks<ForeachPartitionOptions<never>> = {
  id: checkText,
  concurrency: orInfinity(checkPositiveInteger),
  retry: shape<PartitionRetry>({
    count: required(checkNonNegativeInteger),
    delay: checkNonNegative,
    maxDelay: checkNonNegative,
    when: checkFunction,
  }),
  onError: oneOfOr(['fail', 'skip'], withMethods('next'), 'an Observer'),
  skipObserver: checkObserver,
  scheduler: checkScheduler,
};

/**
 * Output operation: calls `effect` with each partition of each batch, also with an empty one, and keeps the batch open
 * until what the calls return (a promise or any `ObservableInput`; nothing if synchronous) has completed. Then the batch
 * passes on.
 *
 * A partition also waits for promises and Observables in what `effect` returns: for `records.map(save)` until all are fulfilled.
 *
 * Partitions run side by side and are retried one by one: what has succeeded is not repeated, unless the whole batch runs
 * again after a crash. Then every partition has the same id and, from a source that can be replayed, the same records
 * again: an effect that writes under the id stores everything once.
 *
 * Takes batches of any records; passes them on unchanged, in order.
 *
 * Source: Spark's `foreachPartition` within `foreachRDD`.
 *
 * @throws {InvalidOptionError} if `effect` is not a function, or an option is out of its range
 *
 * @example
 * ```ts
 * import { foreachPartition, fromBatches } from 'dstream';
 *
 * fromBatches([['a', 'b', 'c']], { interval: 10 })
 *   .pipe(
 *     foreachPartition(
 *       ({ index, records }, { attempt }) => {
 *         if (index === 1 && attempt === 0) throw new Error('busy');
 *         console.log(index, attempt, records);
 *       },
 *       { retry: { count: 3, delay: 5 } },
 *     ),
 *   )
 *   .subscribe({ complete: () => console.log('complete') });
 * // => 0 0 [ 'a', 'b' ]
 * // => 1 1 [ 'c' ]
 * // => complete
 * ```
 *
 * @see {@link foreachPartitionOnce}
 * @see {@link foreachBatch}
 * @see {@link mapPartitions}
 */
export function foreachPartition<T>(
  effect: (partition: Partition<T>, context: PartitionContext) => unknown,
  options: ForeachPartitionOptions<T> = {},
): OperatorFunction<Batch<T>, Batch<T>> {
  checkFunction('foreachPartition', 'effect', effect);
  checkOptions('foreachPartition', options, foreachPartitionChecks);
  const owner = { operator: 'foreachPartition', id: options.id };
  const { concurrency, retries, onError, skipObserver } = resolve(options);

  const runOne = (partition: Partition<T>, batchContext: BatchContext): Observable<never> => {
    const { time, interval, effects, task } = batchContext;
    const id = partitionId(batchContext, partition.index);
    const part = partOf(batchContext);
    const description = { ...owner, partition: partition.index };
    let attempt = 0;
    const once = () =>
      settled(() =>
        insideEffect(batchContext, () =>
          effect(partition, {
            id,
            time,
            interval,
            attempt: attempt++,
            ...(task && { task }),
            ...(part !== undefined && { part }),
          }),
        ),
      );
    const all = (effects ? defer(() => effects.limited(description, once)) : once()).pipe(
      retries((error) => effects?.retried({ ...description, attempt, error })),
    );
    return effects ? effects.effect(description, () => all) : all;
  };

  return heldEffects((batch) => {
    const { time, effects } = batch.context;
    const skipped = { time, partitions: 0, records: 0 };
    const giveUp = (partition: Partition<T>, error: unknown): Observable<never> => {
      if (onError === 'fail') return throwError(() => error);
      if (onError !== 'skip') {
        const letter = { ...owner, records: partition.records.length, error };
        const id = partitionId(batch.context, partition.index);
        return settled(() => insideEffect(batch.context, () => onError.next({ id, time, partition, error }))).pipe(
          tap({ complete: () => effects?.deadLettered(letter) }),
        );
      }
      skipped.partitions++;
      skipped.records += partition.records.length;
      return EMPTY;
    };
    const all = from(batch.partitions).pipe(
      mergeMap(
        (partition) => runOne(partition, batch.context).pipe(catchError((error) => giveUp(partition, error))),
        concurrency,
      ),
    );
    const report = settled(() => skipped.partitions > 0 && skipObserver?.next?.(skipped));
    return concat(all, report, of(batch));
  }, true);
}

export function partitionId(context: BatchContext, index: number): string {
  const { time } = context;
  const part = partOf(context);
  return part === undefined ? `${time}-${index}` : `${time}-${part}-${index}`;
}

/** Names the part of the job: partitions of batches of several tasks, or of streams that divide topics by hand, have the same index. */
function partOf({ task, selection }: Pick<BatchContext, 'task' | 'selection'>): string | undefined {
  return task ? task.id : selection;
}

function resolve<T>(options: ForeachPartitionOptions<T>) {
  const { concurrency = Infinity, onError = 'fail', skipObserver, scheduler = asyncScheduler } = options;
  const { count, delay = 100, maxDelay = 10_000, when = () => true } = options.retry ?? { count: 0 };
  /** `retried` is called before each retry. */
  const retries = (retried: (error: unknown) => void) => {
    const waitOrFail = (error: unknown, retries: number) => {
      if (!when(error)) return throwError(() => error);
      retried(error);
      return longTimer(backOff({ delay, maxDelay }, retries - 1), scheduler);
    };
    return retry<never>({ count, delay: waitOrFail });
  };
  return { concurrency, onError, skipObserver, retries };
}
