import type { WorkerOptions } from 'node:worker_threads';
import {
  asyncScheduler,
  defaultIfEmpty,
  defer,
  forkJoin,
  map,
  Observable,
  type OperatorFunction,
  type SchedulerLike,
} from 'rxjs';
import { Batch } from '../batch/batch.js';
import { derivedFrom } from '../batch/lineage.js';
import type { Partition } from '../batch/partition.js';
import { heldEffects } from '../operators/base/heldEffects.js';
import { checkOptions, type OptionChecks, required, shape } from '../options/checkOptions.js';
import {
  checkNonNegativeInteger,
  checkPositive,
  checkPositiveInteger,
  checkScheduler,
  checkText,
  orInfinity,
} from '../options/checks.js';
import { type PartitionContext, partitionId } from '../outputs/foreachPartition.js';
import { PartitionPool } from './partitionPool.js';
import { partitionThreads, type StartPartitionThread } from './partitionThread.js';
import { checkUrl, checkWorkerOptions, threadsByDefault } from './threadChecks.js';
import { checkNiceness, defaultNiceness } from './threadPriority.js';

/**
 * What a module for `mapPartitionsInThreads` exports as its default: takes a partition and returns its new records, or a promise of
 * them. `context` has the batch time, an id that is the same when the partition runs again, and how often it has been begun before.
 */
export type PartitionFunction<T, R> = (
  partition: Partition<T>,
  context: PartitionContext,
) => Iterable<R> | PromiseLike<Iterable<R>>;

/** When a partition that takes long is begun a second time. */
export interface HedgeOptions {
  /** How long the first copy may have taken, in ms. */
  readonly after: number;
}

/** Options of `mapPartitionsInThreads`. */
export interface MapPartitionsInThreadsOptions {
  /**
   * Number of threads, a positive integer. They start when they are needed.
   * @default the number of cores less one, at least 1
   */
  readonly threads?: number | undefined;
  /**
   * How long a partition may take, in ms from when a thread begins with it, runs again and second copies included. Then the thread is ended,
   * and the batch fails with a `TimedOutError`.
   * @default Infinity
   */
  readonly timeout?: number | undefined;
  /**
   * Begins a second copy of a partition that takes longer than `after` ms, on a thread that is free when no other partition waits. The first
   * answer counts, and the thread of the other copy is ended. For functions that may run twice. Default: never.
   */
  readonly hedge?: HedgeOptions | undefined;
  /**
   * How often a partition is begun again whose thread has ended by itself, an integer of at least 0. Then the batch fails with a
   * `ThreadExitedError`.
   * @default 2
   */
  readonly restarts?: number | undefined;
  /** Names the operator in errors and for monitors. Default: its name. */
  readonly id?: string | undefined;
  /**
   * By how much the nice value of a thread is higher than that of the main thread, an integer from 0 (the same) to 19: the main thread, with
   * its heartbeats and timers, goes first where both want a core. On Linux only.
   * @default 1
   */
  readonly niceness?: number | undefined;
  /** Options of Node's `Worker`, such as `resourceLimits`, `env` or `execArgv`, but no `workerData`. Default: those of the main thread. */
  readonly worker?: WorkerOptions | undefined;
  /**
   * The timer of `timeout` and `hedge`.
   * @default asyncScheduler
   */
  readonly scheduler?: SchedulerLike | undefined;
}

const optionChecks: OptionChecks<MapPartitionsInThreadsOptions> = {
  threads: checkPositiveInteger,
  timeout: orInfinity(checkPositive),
  hedge: shape<HedgeOptions>({ after: required(checkPositive) }),
  restarts: checkNonNegativeInteger,
  id: checkText,
  niceness: checkNiceness,
  worker: checkWorkerOptions,
  scheduler: checkScheduler,
};

const operator = 'mapPartitionsInThreads';

/**
 * Replaces the records of each partition as a whole, as `mapPartitions` does, by a function that runs in worker threads: for functions of
 * more than about 4 microseconds a record. The module at `url` exports the function as its default (`PartitionFunction`). Each thread
 * imports it once and works on one partition at a time; partitions run side by side, and those of several batches too where batches overlap
 * (`concurrentBatches`). Order of batches, partitions and records stays, with index and offset range.
 *
 * Records and results are copied by structured clone: plain data, dates, Maps, Sets and bytes arrive as they are, instances of
 * classes as plain objects, a `Buffer` as a `Uint8Array`.
 *
 * The batch is held until all its partitions are done. A partition whose thread dies is begun again. What the function throws fails the batch
 * with a `PartitionFailedError`, whose cause has the name, message and stack of what was thrown; the stream's `retry` and
 * `onBatchError` apply as for any operator.
 *
 * Source: Spark's `mapPartitions` on executors, and its speculative execution (`hedge`).
 *
 * @throws {InvalidOptionError} if `url` is not a URL, or an option is out of its range; as a notification, if the module cannot be
 * imported or does not export a function as its default
 * @throws {PartitionFailedError} (as a notification) when the function throws
 * @throws {ThreadExitedError} (as a notification) when the thread of a partition has ended more than `restarts` times
 * @throws {TimedOutError} (as a notification) when a partition takes longer than `timeout`
 * @throws {UncloneableRecordError} (as a notification) when a record or a result cannot be copied, naming topic, partition and offset
 *
 * @example
 * ```ts
 * // One file here; usually the function has a file of its own: new URL('./fib.js', import.meta.url)
 * import { isMainThread } from 'node:worker_threads';
 * import { foreachBatch, fromBatches } from 'dstream';
 * import { mapPartitionsInThreads, type PartitionFunction } from 'dstream/workers';
 *
 * const fib = (n: number): number => (n < 2 ? n : fib(n - 1) + fib(n - 2));
 * export default (({ records }) => records.map(fib)) satisfies PartitionFunction<number, number>;
 *
 * if (isMainThread) {
 *   fromBatches([[20, 21, 22, 23]], { interval: 10, partitions: 2 })
 *     .pipe(
 *       mapPartitionsInThreads<number, number>(new URL(import.meta.url), { threads: 2 }),
 *       foreachBatch((records) => console.log(records)),
 *     )
 *     .subscribe();
 * }
 * // => [ 6765, 10946, 17711, 28657 ]
 * ```
 *
 * @see {@link mapPartitions} for cheaper functions, on the main thread
 * @see {@link concatMapBatch} for functions that wait, such as for a database
 */
export function mapPartitionsInThreads<T, R>(
  url: URL,
  options: MapPartitionsInThreadsOptions = {},
): OperatorFunction<Batch<T>, Batch<R>> {
  checkUrl(operator, 'url', url);
  checkOptions(operator, options, optionChecks);
  const { worker = {}, niceness = defaultNiceness } = options;
  return mapPartitionsInPool(partitionThreads(url, worker, niceness), url, options);
}

/** The operator over threads of any kind. */
export function mapPartitionsInPool<T, R>(
  start: StartPartitionThread,
  url: URL,
  options: MapPartitionsInThreadsOptions,
): OperatorFunction<Batch<T>, Batch<R>> {
  const { threads = threadsByDefault(), timeout = Infinity, restarts = 2, id, scheduler = asyncScheduler } = options;
  const { after: hedgeAfter = Infinity } = options.hedge ?? {};
  const settings = { operator, id, url, threads, timeout, hedgeAfter, restarts, scheduler };
  return (source) => {
    const results = new Observable<Batch<R>>((subscriber) => {
      const pool = new PartitionPool(start, settings);
      const running = heldEffects<T, R>((batch) => inPool(pool, id, batch), true)(source).subscribe(subscriber);
      // In this order: what is unsubscribed makes room, and nothing more is to begin.
      return () => {
        pool.close();
        running.unsubscribe();
      };
    });
    return derivedFrom(results, source);
  };
}

function inPool<T, R>(pool: PartitionPool, id: string | undefined, { partitions, context }: Batch<T>) {
  const { time, interval, task, effects } = context;
  const all = partitions.map((partition) => {
    const description = { operator, partition: partition.index, ...(id !== undefined && { id }) };
    const { index, records, range, offsets } = partition;
    const sent = { index, records, ...(range && { range }), ...(offsets && { offsets }) };
    const about = { id: partitionId(context, index), time, interval, attempt: 0, ...(task && { task }) };
    const work = () => pool.run({ partition: sent, context: about });
    return effects ? effects.effect(description, () => effects.limited(description, work)) : defer(work);
  });
  return forkJoin(all).pipe(
    defaultIfEmpty([]),
    map((results) => {
      const kept = partitions.map(({ offsets: _, ...same }, i) => ({ ...same, records: results[i] as readonly R[] }));
      return new Batch<R>(kept, context);
    }),
  );
}
