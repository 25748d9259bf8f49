import type { WorkerOptions } from 'node:worker_threads';
import { asyncScheduler, type Observer, type SchedulerLike } from 'rxjs';
import { resolveRetry, retryChecks } from '../driver/retryOptions.js';
import { tellObserver } from '../observables/tellObserver.js';
import { checkOptions, type OptionChecks, shape } from '../options/checkOptions.js';
import {
  arrayOf,
  checkNonNegative,
  checkNothing,
  checkObserver,
  checkPositive,
  checkPositiveInteger,
  checkScheduler,
  checkText,
  orInfinity,
} from '../options/checks.js';
import type { Kafka, KafkaRuntime } from '../sources/kafka/kafkajs/kafka.js';
import { HeartbeatKeeper } from './heartbeatKeeper.js';
import { jobThreads, type StartJobThread } from './jobThread.js';
import { MainHeartbeats } from './mainHeartbeats.js';
import { checkUrl, checkWorkerOptions, threadsByDefault } from './threadChecks.js';
import type { ThreadEvent } from './threadEvents.js';
import { ThreadedJob } from './threadedJob.js';
import { checkNiceness, defaultNiceness } from './threadPriority.js';

/** How a thread that has failed is started again. */
export interface ThreadRetryOptions {
  /**
   * How often a thread is started again without running for `maxDelay` in between; then the job fails. An integer of at least 0, or `Infinity`.
   * @default Infinity
   */
  readonly count?: number | undefined;
  /**
   * The pause before the first restart, in ms; each further one is twice as long, until the thread has run for `maxDelay`.
   * @default 1000
   */
  readonly delay?: number | undefined;
  /**
   * Longest pause, in ms.
   * @default 60000
   */
  readonly maxDelay?: number | undefined;
}

/** Options of `runInThreads`. */
export interface RunInThreadsOptions {
  /**
   * Number of threads, a positive integer.
   * @default the number of cores less one, at least 1
   */
  readonly threads?: number | undefined;
  /**
   * A client of kafkajs in the main thread, which sends the heartbeats of all threads: then no batch, however long it blocks its thread, costs the
   * thread its tasks, and a thread that dies leaves its group at once. Default: each thread sends its own, between its batches.
   */
  readonly heartbeats?: Kafka | KafkaRuntime | undefined;
  /** How a thread that has failed or ended by itself is started again. Default: after a pause that doubles, without end. */
  readonly retry?: ThreadRetryOptions | undefined;
  /**
   * How long the event loop of a thread may be blocked, in ms; then the thread is ended and started again. `Infinity` for no limit.
   * @default 300000
   */
  readonly blockedTimeout?: number | undefined;
  /**
   * How long a thread may take to stop, in ms, where `stop()` has no `drainTimeout`; then it is ended in the middle.
   * @default 30000
   */
  readonly stopTimeout?: number | undefined;
  /**
   * Signals of the process after which all threads are stopped, once; a second one has its usual effect.
   * @default ['SIGTERM', 'SIGINT']
   */
  readonly signals?: readonly string[] | undefined;
  /**
   * Receives every change of a thread's status. Only `next` is called; what it throws is reported as an error that nobody handles, and the job
   * goes on. Default none.
   */
  readonly threadObserver?: Partial<Observer<ThreadEvent>> | undefined;
  /**
   * By how much the nice value of a thread is higher than that of the main thread, an integer from 0 (the same) to 19: the main thread, with
   * its heartbeats, goes first where both want a core. On Linux only.
   * @default 1
   */
  readonly niceness?: number | undefined;
  /** Options of Node's `Worker`, such as `resourceLimits`, `env` or `execArgv`, but no `workerData`. Default: those of the main thread. */
  readonly worker?: WorkerOptions | undefined;
  /**
   * The timer of pauses and limits.
   * @default asyncScheduler
   */
  readonly scheduler?: SchedulerLike | undefined;
}

const optionChecks: OptionChecks<RunInThreadsOptions> = {
  threads: checkPositiveInteger,
  heartbeats: checkNothing,
  retry: shape<ThreadRetryOptions>(retryChecks),
  blockedTimeout: orInfinity(checkPositive),
  stopTimeout: checkNonNegative,
  signals: arrayOf(checkText),
  threadObserver: checkObserver,
  niceness: checkNiceness,
  worker: checkWorkerOptions,
  scheduler: checkScheduler,
};

/**
 * Runs a job in worker threads, to use all cores of a machine: each thread imports the module at `url`, calls the job that it exports
 * (`ThreadJob`) and subscribes to what that returns. With `kafkaTasks` in the job each thread is a full member of the group, with connections,
 * decoding and tasks of its own, and nothing crosses between threads.
 *
 * A thread that fails, or ends by itself, is started again after a pause that doubles. SIGTERM and SIGINT stop all threads gracefully, and the
 * process ends when nothing else is open in it. An error whose `retriable` is false fails the job: the other threads are
 * stopped, and `ended` rejects.
 *
 * @throws {InvalidOptionError} if `url` is not a URL, or an option is out of its range; by `ended`, if the module cannot be imported or does not
 * export a function as its default
 *
 * @example
 * ```ts
 * // One file here; usually the job has a file of its own: new URL('./job.js', import.meta.url)
 * import { isMainThread } from 'node:worker_threads';
 * import { foreachBatch, fromBatches } from 'dstream';
 * import { runInThreads, type ThreadJob } from 'dstream/workers';
 *
 * const fetchAll = async (ids: readonly number[]) => ids.length;
 * const job: ThreadJob = ({ index, threads }) => {
 *   const mine = [0, 1, 2, 3, 4, 5].filter((n) => n % threads === index);
 *   return fromBatches([mine], { interval: 10 }).pipe(foreachBatch((records) => fetchAll(records)));
 * };
 * export default job;
 *
 * if (isMainThread) {
 *   const running = runInThreads(new URL(import.meta.url), { threads: 2 });
 *   await running.ended;
 *   console.log(running.threads.map(({ status }) => status));
 * }
 * // => [ 'ended', 'ended' ]
 * ```
 *
 * @example
 * ```ts no-run
 * // job.js
 * import { foreachBatch, json } from 'dstream';
 * import { kafkaTasks } from 'dstream/kafka';
 * import type { ThreadJob } from 'dstream/workers';
 * import { Kafka } from 'kafkajs';
 * import { mergeMap } from 'rxjs';
 *
 * const job: ThreadJob = ({ onStop }) => {
 *   const tasks = kafkaTasks(new Kafka({ brokers: ['localhost:9092'] }), {
 *     topics: ['flights'],
 *     groupId: 'delays',
 *     interval: 1_000,
 *     deserialize: json<{ origin: string; delay: number }>(),
 *   });
 *   onStop((options) => tasks.stop(options));
 *   return tasks.pipe(mergeMap((task) => task.pipe(foreachBatch((flights) => console.log(flights.length)))));
 * };
 * export default job;
 * ```
 *
 * @see {@link kafkaTasks} for what a job does, and for several processes
 * @see {@link mapPartitionsInThreads} for one function in threads
 */
export function runInThreads(url: URL, options: RunInThreadsOptions = {}): ThreadedJob {
  checkUrl('runInThreads', 'url', url);
  checkOptions('runInThreads', options, optionChecks);
  const { worker = {}, niceness = defaultNiceness } = options;
  return runJob(jobThreads(url, worker, niceness), url, options);
}

/** The job over threads of any kind. */
export function runJob(start: StartJobThread, url: URL, options: RunInThreadsOptions): ThreadedJob {
  const { threads = threadsByDefault(), blockedTimeout = 300_000, stopTimeout = 30_000, threadObserver } = options;
  const { signals = ['SIGTERM', 'SIGINT'], scheduler = asyncScheduler, heartbeats } = options;
  const beats = heartbeats && new MainHeartbeats(heartbeats);
  const onSignal = () => {
    ignore();
    void job.stop();
  };
  const ignore = () => {
    for (const signal of signals) process.removeListener(signal, onSignal);
  };
  const job = new ThreadedJob(start, {
    ...{ threads, url, blockedTimeout, stopTimeout, scheduler, retry: resolveRetry(options.retry ?? {}) },
    happened: (event) => tellObserver(threadObserver, event),
    closed: () => {
      ignore();
      void beats?.close();
    },
    ...(beats && { keeper: (thread) => new HeartbeatKeeper(beats, thread, scheduler) }),
  });
  for (const signal of signals) process.on(signal, onSignal);
  return job;
}
