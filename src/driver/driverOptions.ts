import { asyncScheduler, type Observer, type SchedulerLike } from 'rxjs';
import type { DynamicInterval } from '../backpressure/dynamicInterval.js';
import type { RateController, RateControllerFactory, RateControllerSetup } from '../backpressure/rateController.js';
import type { BatchInfo } from '../batch/batchInfo.js';
import type { DeadLetterObserver } from '../batch/deadLetters.js';
import { InvalidOptionError } from '../batch/errors.js';
import type { StreamMonitor } from '../batch/monitoring/streamMonitor.js';
import type { TaskInfo } from '../batch/taskInfo.js';
import type { KeyCheck } from '../collections/ownKeys.js';
import type { Resolved } from '../options/resolved.js';
import type { Source } from '../sources/source.js';
import type { Checkpoint } from '../state/checkpoint.js';
import type { Orphans } from '../state/stateRegistry.js';
import type { OnBatchError } from './failingBatches.js';
import type { HeldWork } from './ownership.js';
import { type RetryOptions, resolveRetry } from './retryOptions.js';

/** What every stream of batches takes, whatever its source. */
export interface DriverOptions {
  /**
   * Batch interval in ms, a positive integer below 2^31. Batch times are its multiples. A checkpoint goes on with another
   * interval only where that divides its zero time, as every divisor of its own interval does.
   */
  readonly interval: number;
  /**
   * Makes the interval as short as the processing allows, from batch to batch, instead of limiting what goes into a batch:
   * `dynamicInterval()`. `interval` is the first one then. Not together with `backpressure`. See docs/backpressure.md.
   * Default: intervals of equal length.
   */
  readonly dynamicInterval?: DynamicInterval | undefined;
  /**
   * How many batches may be open at once. More than 1 lets the effects of outputs overlap; operators and state still
   * run in batch order.
   * @default 1
   */
  readonly concurrentBatches?: number | undefined;
  /** Rate controller, such as `pid()`. Without one every batch takes all that waits, within the source's own caps. */
  readonly backpressure?: RateControllerFactory | undefined;
  /**
   * Records per second before the controller's first estimate. Needs `backpressure`.
   * @default 1000
   */
  readonly initialRate?: number | undefined;
  /** Saves progress and state across restarts. Default: nothing is saved. */
  readonly checkpoint?: Checkpoint | undefined;
  /**
   * What becomes of what the checkpoint has and the program has no longer: the state of an operator, by its id, or the position of a
   * source, by its name. `'refuse'`: the stream fails before the first output, with an `IncompatibleStateError` for a state and an
   * `InvalidOptionError` for a source. `'drop'`: it is removed from the checkpoint with the first batch that is saved. `'keep'`: it stays
   * as it is, until an operator with its id, or a source with its name, comes back.
   * @default 'refuse'
   */
  readonly orphans?: Orphans | undefined;
  /**
   * The name of the stream in monitors, metrics, logs and traces.
   * @default the kind of its source, such as `kafkaBatches`
   */
  readonly name?: string | undefined;
  /**
   * What watches the stream: metrics, traces, logs, health checks, dashboards.
   * @default none
   */
  readonly monitors?: readonly StreamMonitor[] | undefined;
  /**
   * How long a batch may be open or due, in ms, with none completing, before the status of the stream is `stalled`.
   * @default the larger of 10 seconds and 10 batch intervals
   */
  readonly stallAfter?: number | undefined;
  /**
   * What becomes of the batches that came due while nothing ran: the process was down, with a checkpoint, or the machine slept.
   * `'each'`: all of them, one after the other. `'one'`: one batch for the whole time, over which windows slide and time-outs
   * fire. `{ atMost: n }`: the last n, of which the first covers the time before.
   * @default the last 10,000, or those of an hour where these are more
   */
  readonly afterDowntime?: 'each' | 'one' | { readonly atMost: number } | undefined;
  /**
   * How long an effect of an output may take, in ms, on one partition for outputs by partition; then the batch fails with a
   * `TimedOutError`, or that partition is retried. `Infinity` for no limit.
   * @default the larger of 10 minutes and 10 batch intervals
   */
  readonly outputTimeout?: number | undefined;
  /**
   * How long planning, reading, saving or committing a batch may take, in ms each; then the stream fails with a
   * `TimedOutError`. It must exceed the time limits of the client, such as `retryTimeout`. `Infinity` for no limit.
   * @default the larger of 3 minutes and 10 batch intervals
   */
  readonly stepTimeout?: number | undefined;
  /**
   * What happens to a record for which a function of yours throws, in `deserialize` or any operator that calls it record by record or key by key:
   * the stream fails, the record is skipped and counted (`failedRecords` in `BatchInfo`), or it goes to dead letters: an Observer, or
   * `deadLetterTopic()` of `dstream/kafka`. Results that an operator has emitted for the record before it threw stay; the state of the
   * record's key is what it was before.
   * @default 'fail'
   */
  readonly onRecordError?: 'fail' | 'skip' | DeadLetterObserver | undefined;
  /**
   * How many records may fail within a minute: one more fails the stream with a `TooManyErrorsError`. Needs `onRecordError`.
   * @default Infinity
   */
  readonly maxErrors?: number | undefined;
  /**
   * How the stream starts again by itself after an error, from its checkpoint or its committed offsets, without an error to its
   * subscribers: after a pause that doubles until a batch gets through. Errors that are not `retriable` fail the stream at once, and
   * so do errors of RxJS's operators. Default: it does not; RxJS's `retry()` at the end of the pipeline does the same for all errors.
   */
  readonly retry?: RetryOptions | undefined;
  /**
   * What happens to a batch that fails again after `retry.count` restarts, or with an error of its records that is not retriable.
   * `'fail'`: the stream fails. `'skip'`: the batch runs once more without its records, which are reported as `lost` in `BatchInfo`.
   * `'bisect'`: it runs with half of its records, and the others go to the batches that follow, and so on, until a batch of one record
   * fails `retry.count` times: only that record is `lost`. What is given up goes to the dead letters of `onRecordError` too. Both need
   * `retry`, and a `checkpoint`, which keeps the batch and counts how often it was started: what kills the process is given up too. See
   * docs/errors.md.
   * @default 'fail'
   */
  readonly onBatchError?: OnBatchError | undefined;
  /** Receives the `BatchInfo` of every complete batch, after its progress was saved. Default: no Observer. */
  readonly batchObserver?: Pick<Observer<BatchInfo>, 'next'> | undefined;
  /**
   * What to do when a batch of a source with durable progress was dispatched and no operation claimed it.
   * @default 'error'
   */
  readonly unclaimed?: 'error' | 'complete' | undefined;
  /**
   * The clock and the timer of the stream.
   * @default asyncScheduler
   */
  readonly scheduler?: SchedulerLike | undefined;
}

/** The options with their defaults, checked. */
export interface ResolvedDriverOptions {
  /** The function that took them, for messages. */
  readonly owner: string;
  readonly interval: number;
  readonly dynamicInterval: DynamicInterval | undefined;
  readonly concurrentBatches: number;
  readonly backpressure: RateControllerFactory | undefined;
  readonly initialRate: number;
  readonly checkpoint: Checkpoint | undefined;
  readonly orphans: Orphans;
  readonly batchObserver: Pick<Observer<BatchInfo>, 'next'> | undefined;
  readonly name: string;
  readonly monitors: readonly StreamMonitor[];
  readonly maxMissedBatches: number;
  readonly stallAfter: number;
  readonly outputTimeout: number;
  readonly stepTimeout: number;
  readonly onRecordError: 'fail' | 'skip' | DeadLetterObserver;
  readonly maxErrors: number;
  readonly retry: Resolved<RetryOptions> | undefined;
  readonly onBatchError: OnBatchError;
  readonly unclaimed: 'error' | 'complete';
  readonly scheduler: SchedulerLike;
  /** Of a run whose work belongs to this process only as long as its group says so. */
  readonly held?: HeldWork | undefined;
  /** The task that the stream works on. */
  readonly task?: TaskInfo | undefined;
  /** Throws for a key that is another task's. */
  readonly keyCheck?: KeyCheck | undefined;
}

const defaults = { concurrentBatches: 1, initialRate: 1_000, unclaimed: 'error', scheduler: asyncScheduler } as const;

/**
 * The options with their defaults. The public function has checked each by itself, with `driverChecks`.
 *
 * @throws {InvalidOptionError} naming the owner, the option, its value and the rule
 */
export function resolveDriverOptions(owner: string, options: DriverOptions): ResolvedDriverOptions {
  const { interval, dynamicInterval, backpressure, checkpoint, batchObserver } = options;
  const resolved = {
    owner,
    interval,
    dynamicInterval,
    backpressure: backpressure && checkedController(owner, backpressure),
    checkpoint,
    orphans: options.orphans ?? 'refuse',
    batchObserver,
    name: options.name ?? owner,
    monitors: options.monitors ?? [],
    maxMissedBatches: maxMissedBatches(options),
    outputTimeout: options.outputTimeout ?? Math.max(600_000, 10 * interval),
    stepTimeout: options.stepTimeout ?? Math.max(180_000, 10 * interval),
    stallAfter: options.stallAfter ?? Math.max(10_000, 10 * interval),
    retry: options.retry && resolveRetry(options.retry),
    onBatchError: options.onBatchError ?? 'fail',
    onRecordError: options.onRecordError ?? 'fail',
    maxErrors: options.maxErrors ?? Infinity,
    concurrentBatches: options.concurrentBatches ?? defaults.concurrentBatches,
    initialRate: options.initialRate ?? defaults.initialRate,
    unclaimed: options.unclaimed ?? defaults.unclaimed,
    scheduler: options.scheduler ?? defaults.scheduler,
  };
  if (resolved.onBatchError !== 'fail' && !(resolved.retry && checkpoint)) {
    throw new InvalidOptionError(owner, 'onBatchError', options.onBatchError, 'needs retry and checkpoint to be set');
  }
  if (options.maxErrors !== undefined && options.onRecordError === undefined) {
    throw new InvalidOptionError(owner, 'maxErrors', options.maxErrors, 'needs onRecordError to be set');
  }
  if (backpressure === undefined && options.initialRate !== undefined) {
    throw new InvalidOptionError(owner, 'initialRate', options.initialRate, 'needs backpressure to be set');
  }
  if (dynamicInterval !== undefined) checkDynamicInterval(owner, options);
  return resolved;
}

function maxMissedBatches({ interval, afterDowntime }: DriverOptions): number {
  if (afterDowntime === undefined) return Math.max(10_000, Math.ceil(3_600_000 / interval));
  if (afterDowntime === 'each') return Infinity;
  if (afterDowntime === 'one') return 1;
  return afterDowntime.atMost;
}

/**
 * Checks that the options have what the sources need.
 *
 * @throws {InvalidOptionError} naming the source
 */
export function checkSources(
  { owner, checkpoint }: Pick<ResolvedDriverOptions, 'owner' | 'checkpoint'>,
  sources: Readonly<Record<string, Source<unknown>>>,
): void {
  for (const [name, { needsCheckpoint }] of Object.entries(sources)) {
    if (!needsCheckpoint || checkpoint) continue;
    const rule = `must be set, as source "${name}" has a writeAheadLog: by the checkpoint it knows which records are saved`;
    throw new InvalidOptionError(owner, 'checkpoint', checkpoint, rule);
  }
}

/** The longest interval is a multiple of all others, so that windows of its multiples always end with a batch. */
function checkDynamicInterval(owner: string, { interval, dynamicInterval, backpressure }: DriverOptions): void {
  if (!dynamicInterval) return;
  const { minInterval, maxInterval } = dynamicInterval;
  if (backpressure !== undefined) {
    throw new InvalidOptionError(owner, 'dynamicInterval', dynamicInterval, 'cannot be used with backpressure');
  }
  if (interval < minInterval || maxInterval % interval !== 0) {
    const rule = `must divide maxInterval (${maxInterval}) and be at least minInterval (${minInterval})`;
    throw new InvalidOptionError(owner, 'interval', interval, rule);
  }
}

/** A factory that is not called, as in `backpressure: pid`, takes the setup for its options and returns no controller. */
function checkedController(owner: string, backpressure: RateControllerFactory): RateControllerFactory {
  return (setup) => {
    const controller = controllerOf(backpressure, setup);
    if (typeof controller?.rate === 'function' && typeof controller.completed === 'function') {
      return checkedRates(owner, controller);
    }
    throw new InvalidOptionError(
      owner,
      'backpressure',
      backpressure,
      'must return a rate controller, as the result of pid() does',
    );
  };
}

/** `undefined` where it takes the setup for options, and refuses them. */
function controllerOf(backpressure: RateControllerFactory, setup: RateControllerSetup): RateController | undefined {
  try {
    return backpressure(setup);
  } catch (error) {
    if (error instanceof InvalidOptionError && error.option in setup) return undefined;
    throw error;
  }
}

/** NaN would go through every comparison, and let only one record of each partition pass from then on. */
function checkedRates(owner: string, controller: RateController): RateController {
  return {
    completed: (info, records) => controller.completed(info, records),
    rate(formation) {
      const rate = controller.rate(formation);
      if (rate === undefined || rate >= 0) return rate;
      throw new InvalidOptionError(owner, 'backpressure', rate, 'must return rates of at least 0, or undefined');
    },
    explain: () => controller.explain?.(),
  };
}
