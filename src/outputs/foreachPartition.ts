import {
  asyncScheduler,
  catchError,
  concat,
  defer,
  EMPTY,
  from,
  ignoreElements,
  mergeMap,
  type Observable,
  type ObservableInput,
  type Observer,
  type OperatorFunction,
  of,
  retry,
  type SchedulerLike,
  throwError,
  timer,
} from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { BatchContext } from '../batch/batchContext.js';
import { InvalidOptionError } from '../batch/errors.js';
import type { Partition } from '../batch/partition.js';
import { heldEffects } from '../operators/base/heldEffects.js';
import {
  checkFunction,
  checkNonNegative,
  checkNonNegativeInteger,
  checkObserver,
  checkPositiveInteger,
} from '../options/checks.js';

/** What an effect is told besides the partition. */
export interface PartitionContext {
  /** `TIME-INDEX`: unique, and the same again when the partition is run again, so that it can name what is written. */
  readonly id: string;
  /** The batch time, ms. */
  readonly time: number;
  /** The batch interval, ms. */
  readonly interval: number;
  /** How often the effect on this partition has failed before, since the batch came. */
  readonly attempt: number;
}

/** How a failed partition is tried again: alone, while the others go on. */
export interface PartitionRetry {
  /** How often at most. */
  readonly count: number;
  /**
   * Wait before the first retry, in ms; each further one waits twice as long.
   * @default 100
   */
  readonly delay?: number;
  /**
   * The longest wait, in ms.
   * @default 10000
   */
  readonly maxDelay?: number;
  /**
   * Whether trying again may help.
   * @default always
   */
  readonly when?: (error: unknown) => boolean;
}

/** A partition whose effect has failed for good, as a dead-letter Observer receives it. */
export interface FailedPartition<T> {
  readonly id: string;
  readonly time: number;
  readonly partition: Partition<T>;
  readonly error: unknown;
}

/** How much of a batch was skipped. */
export interface SkippedPartitions {
  readonly time: number;
  readonly partitions: number;
  readonly records: number;
}

/** Where failed partitions go. Where `next` returns an `ObservableInput`, the batch stays open until it has completed. */
export interface DeadLetters<T> {
  // biome-ignore lint/suspicious/noConfusingVoidType: an rxjs Subject returns nothing
  next(failed: FailedPartition<T>): ObservableInput<unknown> | void;
}

export interface ForeachPartitionOptions<T> {
  /**
   * How many partitions of a batch are worked on at once, a positive integer or `Infinity`.
   * @default Infinity
   */
  readonly concurrency?: number;
  /** Default: a failed partition is not tried again. */
  readonly retry?: PartitionRetry;
  /**
   * What to do with a partition that has failed for good: fail the batch and the stream, skip and count it, or hand it to
   * a dead-letter Observer and go on.
   * @default 'fail'
   */
  readonly onError?: 'fail' | 'skip' | DeadLetters<T>;
  /**
   * Observes how much of a batch was skipped, once for each batch with skipped partitions. If its `next` throws, the batch
   * fails. Default: no observer.
   */
  readonly skipObserver?: Partial<Observer<SkippedPartitions>>;
  /**
   * The timer of the retries.
   * @default asyncScheduler
   */
  readonly scheduler?: SchedulerLike;
}

/**
 * Output operation: calls `effect` with each partition of each batch, also with an empty one, and keeps the batch open
 * until what the calls return (a promise or any `ObservableInput`; nothing when it is synchronous) has completed. Then the
 * batch is passed on.
 *
 * Partitions are worked on side by side, and tried again one by one: what has succeeded is not repeated, unless the whole
 * batch is run again after a crash. Then every partition has the same id and, from a source that can be replayed, the same
 * records again: an effect that writes under the id holds everything once.
 *
 * Takes batches of any records; passes them on unchanged, in order.
 *
 * Source: Spark's `foreachPartition` within `foreachRDD`.
 *
 * @throws {InvalidOptionError} when an option is out of its range
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
 */
export function foreachPartition<T>(
  // biome-ignore lint/suspicious/noConfusingVoidType: a synchronous effect returns nothing
  effect: (partition: Partition<T>, context: PartitionContext) => ObservableInput<unknown> | void,
  options: ForeachPartitionOptions<T> = {},
): OperatorFunction<Batch<T>, Batch<T>> {
  checkFunction('foreachPartition', 'effect', effect);
  const { concurrency, retries, onError, skipObserver } = resolve(options);

  const runOne = (partition: Partition<T>, { time, interval }: BatchContext): Observable<never> => {
    const id = `${time}-${partition.index}`;
    let attempt = 0;
    return settled(() => effect(partition, { id, time, interval, attempt: attempt++ })).pipe(retries);
  };

  return heldEffects((batch) => {
    const { time } = batch.context;
    const skipped = { time, partitions: 0, records: 0 };
    const giveUp = (partition: Partition<T>, error: unknown): Observable<never> => {
      if (onError === 'fail') return throwError(() => error);
      if (onError !== 'skip') {
        return settled(() => onError.next({ id: `${time}-${partition.index}`, time, partition, error }));
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
    const passOn = defer(() => {
      if (skipped.partitions > 0) skipObserver?.next?.(skipped);
      return of(batch);
    });
    return concat(all, passOn);
  }, true);
}

/** Completes when what `work` gives has completed. */
// biome-ignore lint/suspicious/noConfusingVoidType: a synchronous effect returns nothing
function settled(work: () => ObservableInput<unknown> | void): Observable<never> {
  return defer(() => work() ?? EMPTY).pipe(ignoreElements());
}

function resolve<T>(options: ForeachPartitionOptions<T>) {
  const operator = 'foreachPartition';
  const { concurrency = Infinity, onError = 'fail', skipObserver, scheduler = asyncScheduler } = options;
  if (concurrency !== Infinity) checkPositiveInteger(operator, 'concurrency', concurrency);
  if (onError !== 'fail' && onError !== 'skip' && typeof onError?.next !== 'function') {
    throw new InvalidOptionError(operator, 'onError', onError, 'must be "fail", "skip" or an Observer');
  }
  if (skipObserver !== undefined) checkObserver(operator, 'skipObserver', skipObserver);
  const { count, delay = 100, maxDelay = 10_000, when = () => true } = options.retry ?? { count: 0 };
  checkNonNegativeInteger(operator, 'retry.count', count);
  checkNonNegative(operator, 'retry.delay', delay);
  checkNonNegative(operator, 'retry.maxDelay', maxDelay);
  checkFunction(operator, 'retry.when', when);
  const waitOrFail = (error: unknown, retries: number) =>
    when(error) ? timer(Math.min(delay * 2 ** (retries - 1), maxDelay), scheduler) : throwError(() => error);
  return { concurrency, onError, skipObserver, retries: retry<never>({ count, delay: waitOrFail }) };
}
