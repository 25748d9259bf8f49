import {
  concat,
  defer,
  EMPTY,
  ignoreElements,
  merge,
  type Observable,
  type ObservableInput,
  type SchedulerLike,
  Subscription,
  shareReplay,
  tap,
} from 'rxjs';
import { steadyClock } from '../backpressure/steadyClock.js';
import type { Announcements } from '../batch/announcements.js';
import type { BatchRun } from '../batch/batchContext.js';
import type { BatchInfo } from '../batch/batchInfo.js';
import type { KeyedState } from '../batch/keyedState.js';
import type { StreamSnapshot } from '../batch/monitoring/streamSnapshot.js';
import type { OffsetRange } from '../batch/offsetRange.js';
import { ownValue } from '../collections/ownValue.js';
import { lastOfEach } from '../observables/lastOfEach.js';
import type { Steps } from '../observables/steps.js';
import type { Fetched, Source } from '../sources/source.js';
import { StateRegistry } from '../state/stateRegistry.js';
import { BatchDispatcher, type RunFields } from './batchDispatcher.js';
import type { Tick } from './batchIntervals.js';
import { BatchReplays } from './batchReplays.js';
import { BatchSaver } from './batchSaver.js';
import { DriverEnding } from './driverEnding.js';
import type { ResolvedDriverOptions } from './driverOptions.js';
import type { DriverOutput } from './driverOutput.js';
import { DriverResources } from './driverResources.js';
import { DriverRun } from './driverRun.js';
import type { FailingBatches } from './failingBatches.js';
import { givenUpOf } from './givenUpRecords.js';
import { limitedStep } from './limitedStep.js';
import { DriverMonitor, type FailureHistory } from './monitoring/driverMonitor.js';
import { driverSnapshot } from './monitoring/driverSnapshot.js';
import { orphanedSources } from './orphanedSources.js';
import { partitionsOfTask } from './partitionsOfTask.js';
import { savedRanges } from './plannedRanges.js';
import { Planner } from './planner.js';
import { RecordPolicy } from './recordPolicy.js';
import { noPlan, type RunningBatch } from './runningBatch.js';
import { type BatchStep, SerialQueue, type Turn } from './serialQueue.js';
import type { Finish } from './stopReport.js';
import { Ticker } from './ticker.js';
import { withoutRecords } from './withoutRecords.js';

/**
 * Drives one or several sources through one subscription.
 *
 *     tick ─> due ──plan──> planned ──fetch, dispatch──> open ──holds──> done ──save, commit──> BatchInfo
 *             (times)       (offset ranges)              (records)       (in batch order)
 *
 * Three queues, each worked one item at a time: ticks are planned, planned batches are read and dispatched (while fewer
 * than `concurrentBatches` are open), and complete batches are saved, always the oldest first, so that what is saved is
 * the unbroken run of complete batches. A batch keeps its place until it is saved; records live only while it is open.
 *
 * Source: Spark's `JobGenerator` and `JobScheduler`.
 */
export class BatchDriver {
  readonly #sources: Readonly<Record<string, Source<unknown>>>;
  readonly #options: ResolvedDriverOptions;
  readonly #output: DriverOutput;
  /** What operators behind the streams have announced. */
  readonly #announced: Announcements;
  /** The batches that may have only some of their records. */
  readonly #failing: FailingBatches | undefined;
  readonly #replays: BatchReplays;
  readonly #recordPolicy: RecordPolicy | undefined;
  readonly #work = new Subscription();
  readonly #resources = new DriverResources();
  readonly #ticker: Ticker;
  readonly #planner: Planner;
  readonly #planned: SerialQueue<RunningBatch>;
  readonly #dispatcher: BatchDispatcher;
  readonly #saver: BatchSaver;
  readonly #monitor: DriverMonitor;
  /** The batch planned last. */
  #latest: RunningBatch | undefined;
  #state = new StateRegistry();
  /** For durations and the times of a `BatchInfo`; batches are due by the clock of the scheduler. */
  readonly #now: () => number;
  /** For how many partitions the state of a task is. */
  #partitions: KeyedState<string, number> | undefined;
  #zeroTime = 0;
  /** The limit of the opening. */
  #opening = Subscription.EMPTY;
  readonly #ending: DriverEnding;
  readonly #run: DriverRun;

  constructor(
    sources: Readonly<Record<string, Source<unknown>>>,
    options: ResolvedDriverOptions,
    output: DriverOutput,
    history: FailureHistory,
    announced: Announcements,
    failing?: FailingBatches,
  ) {
    this.#sources = sources;
    this.#options = options;
    this.#output = output;
    this.#announced = announced;
    this.#failing = failing;
    this.#replays = new BatchReplays({
      options,
      sources: Object.keys(sources),
      resources: this.#resources,
      failing,
      save: (batch) => this.#logPlan(batch),
    });
    this.#now = steadyClock(options.scheduler);
    const fail = (error: unknown, step?: BatchStep) => {
      if (step) this.#monitor.blame(error, { stage: step.stage, time: step.time });
      this.#ending.fail(error);
    };
    this.#run = new DriverRun({
      ...{ sources, options, work: this.#work, resources: this.#resources },
      closed: () => this.#ending.closed,
      started: () => this.#saver.started,
    });
    const on = { fail, drained: () => this.#ending.finishWhenDrained() };
    const free = () => this.#saver.started.length < options.concurrentBatches;
    this.#planner = new Planner(options.initialRate, this.#now);
    this.#ticker = new Ticker(options, {
      ...on,
      plan: (tick, turn) => this.#plan(tick, turn),
      ready: () => this.#planned.size < maxPlannedBatches,
      active: () => this.#ending.ticking,
    });
    this.#planned = new SerialQueue((batch, turn) => this.#process(batch, turn), on, options, free);
    const kinds = Object.entries(sources).map(([name, { kind }]) => [name, kind] as const);
    const stream = {
      name: options.name,
      interval: options.interval,
      sources: Object.fromEntries(kinds),
      checkpoint: options.checkpoint?.location,
      snapshot: () => this.snapshot(),
    };
    this.#monitor = new DriverMonitor({ ...options, now: this.#now }, stream, history, () => this.#pendingSince);
    const { onRecordError, maxErrors } = options;
    if (onRecordError !== 'fail') this.#recordPolicy = new RecordPolicy({ onRecordError, maxErrors, now: this.#now });
    const parts = { monitor: this.#monitor, now: this.#now, limit: options };
    const refusesUnclaimed = () => this.#refusesUnclaimed;
    this.#dispatcher = new BatchDispatcher(
      { ...parts, run: this.#run, states: announced.states, refusesUnclaimed, held: options.held },
      { ...on, next: (name, batch) => output.next(name, batch), completed: (batch) => this.#saver.completed(batch) },
    );
    this.#saver = new BatchSaver(
      {
        ...parts,
        wall: () => options.scheduler.now(),
        resources: this.#resources,
        run: () => this.#runFields,
        replays: this.#replays,
      },
      { ...on, saved: (batch, info) => this.#saved(batch, info) },
    );
    this.#ending = new DriverEnding({
      ...{ run: this.#run, options, output, work: this.#work, resources: this.#resources, monitor: this.#monitor },
      ...{ ticker: this.#ticker, planned: this.#planned, saver: this.#saver, replays: this.#replays },
    });
  }

  get run(): BatchRun {
    return this.#run;
  }

  start(): void {
    // Left before it began: nobody would close what is opened now.
    if (this.#ending.closed) return;
    this.#opening = limitedStep(this.#options, 'opening');
    this.#work.add(this.#opening);
    const sources = defer(() => this.#openSources());
    const opened = concat(this.#openCheckpoint(), sources);
    this.#work.add(
      opened.subscribe({ error: (error) => this.#ending.fail(error), complete: () => this.#startTicking() }),
    );
  }

  /** Unsubscribed: aborts what is open. Nothing more is sent. */
  close(): void {
    this.#ending.unsubscribed();
  }

  /** What can be known of the run now. */
  snapshot(): StreamSnapshot {
    const { name, checkpoint } = this.#options;
    return driverSnapshot({
      name,
      at: this.#now(),
      wall: this.#options.scheduler.now(),
      monitor: this.#monitor,
      interval: this.#ticker.interval,
      lastBatch: this.#saver.lastInfo,
      waiting: this.#ticker.size + this.#planned.size,
      open: this.#saver.open,
      saving: this.#saver.saving,
      sources: this.#sources,
      runs: this.#ending.closed ? [] : this.#resources.runs,
      committed: this.#saver.committed,
      latest: this.#latest,
      state: this.#state.snapshot(),
      checkpoint: checkpoint && {
        location: checkpoint.location,
        time: this.#saver.lastInfo?.time ?? this.#resources.session?.restored?.time,
        savedAt: this.#saver.savedAt,
        ...this.#resources.session?.usage?.(),
      },
    });
  }

  /** Since when the oldest batch that is open or due has been so. */
  get #pendingSince(): number | undefined {
    const batch = this.#saver.started[0] ?? first(this.#planned.waiting);
    return batch?.submissionTime ?? this.#ticker.oldest;
  }

  stop(drainTimeout: number, finish: Finish): void {
    this.#ending.stop(drainTimeout, finish);
  }

  release(drainTimeout: number, finish: Finish): void {
    this.#ending.release(drainTimeout, finish);
  }

  // ---- opening

  #openCheckpoint(): Observable<unknown> {
    const opened = () => {
      const { owner, orphans, checkpoint, task } = this.#options;
      const { session } = this.#resources;
      this.#state = new StateRegistry(session, orphans, checkpoint?.command?.bind(checkpoint));
      if (task && session)
        this.#partitions = partitionsOfTask(this.#state, task, session.restored, owner, checkpoint?.location);
    };
    const waiting = (reason: string) => this.#monitor.waiting(reason);
    return this.#resources.openCheckpoint(this.#options, waiting).pipe(tap({ complete: opened }));
  }

  #openSources(): Observable<unknown> {
    const { interval, scheduler, backpressure, initialRate } = this.#options;
    const steady: SchedulerLike = { now: this.#now, schedule: scheduler.schedule.bind(scheduler) };
    const restored = this.#resources.session?.restored;
    // Looked up when a source gets there: by then all branches of a shared stream are subscribed.
    const { onRecordError } = this.#options;
    const openings = defer(() => {
      const open = [...this.#announced.openings].map((opening) => opening(this.#run));
      if (typeof onRecordError === 'object' && onRecordError.open) open.push(onRecordError.open(this.#run));
      return merge(...open);
    });
    const outputsReady = openings.pipe(ignoreElements(), shareReplay());
    const { membership } = this.#run;
    const kept = restored ? orphanedSources(this.#options, this.#sources, restored) : [];
    for (const [name, positions] of kept) this.#saver.restore(name, positions);
    return this.#resources.openSources(this.#sources, (name) => {
      const positions = ownValue(restored?.positions, name);
      this.#saver.restore(name, positions ?? []);
      const replay = restored?.planned.map((planned) => ownValue(planned.ranges, name) ?? []) ?? [];
      const isFirst = this.#sources[name]?.readFirst;
      if (isFirst) this.#planner.readFirst(name);
      else if (backpressure) this.#planner.control(name, backpressure({ interval, initialRate, source: name }));
      const setup = {
        ...{ name, interval, scheduler: steady, restored: positions, replay, outputsReady },
        keepOffsets: this.#recordPolicy !== undefined,
        hasOthers: !isFirst && Object.keys(this.#sources).length > 1,
      };
      return { ...setup, ...observed(this.#monitor, name), ...(membership && { membership }) };
    });
  }

  #startTicking(): void {
    this.#opening.unsubscribe();
    const restored = this.#resources.session?.restored;
    const now = this.#options.scheduler.now();
    this.#zeroTime = restored?.zeroTime ?? this.#ticker.zeroTime(now);
    this.#ticker.continueAfter(restored?.planned.at(-1)?.time ?? restored?.time, now);
    this.#monitor.opened(restored?.planned.length ?? 0);
    const begin = (): void => {
      for (const planned of restored?.planned ?? []) this.#queue(this.#replays.batchOf(planned, this.#now()), true);
      this.#ticker.start();
    };
    // Not at once: a batch that is replayed is for all subscribers of a stream that is shared.
    this.#work.add(this.#options.scheduler.schedule(begin));
  }

  // ---- ticking and planning

  *#plan(tick: Tick, turn: Turn): Steps {
    turn.enter({ stage: 'plan', name: 'planning', time: tick.time });
    const late = this.#options.scheduler.now() >= tick.time + this.#ticker.interval;
    const when = { stopping: this.#ending.isStopping, late };
    const batch = yield* this.#planner.plan(tick, this.#resources.runs, when);
    if (!batch) {
      this.#ending.sourcesEnded();
      return;
    }
    this.#latest = batch;
    batch.selection = this.#run.selection?.all;
    yield this.#logPlan(batch);
    this.#queue(batch, false);
  }

  #queue(batch: RunningBatch, replayed: boolean): void {
    // Planned while the run was to be given away: it is in the checkpoint.
    if (this.#ending.isReleasing) return;
    this.#planner.queued(batch);
    this.#monitor.planned(() => batch.planned(replayed));
    this.#planned.push(batch);
  }

  #logPlan(batch: RunningBatch): ObservableInput<unknown> {
    if (!this.#resources.session) return EMPTY;
    const ranges = Object.fromEntries([...batch.plans].map(([name, plan]) => [name, savedRanges(plan)]));
    const { time, interval, attempts, selection } = batch;
    return this.#resources.session.plan({
      time,
      zeroTime: this.#zeroTime,
      interval,
      ranges,
      ...(attempts > 0 && { attempts }),
      ...(selection !== undefined && { selection }),
    });
  }

  #narrow(batch: RunningBatch, name: string, ranges: readonly OffsetRange[]): ObservableInput<unknown> {
    batch.narrow(name, ranges);
    return this.#logPlan(batch);
  }

  // ---- from planned to saved

  *#process(batch: RunningBatch, turn: Turn): Steps {
    const { time } = batch;
    this.#saver.start(batch);
    batch.processingStartTime = this.#now();
    batch.enter('fetch', batch.processingStartTime);
    this.#ticker.run();
    if (this.#replays.counts(batch)) {
      turn.enter({ stage: 'plan', name: 'planning', time });
      yield this.#replays.count(batch);
    }
    turn.enter({ stage: 'fetch', name: 'reading', time });
    // Records that are there already are handed out at once, and the operators run.
    const { held } = this.#options;
    if (held) yield held.renew();
    const fetches = this.#resources.runs.map(([name, run]) => {
      const fetch = () => run.fetch(batch.plans.get(name) ?? noPlan, (ranges) => this.#narrow(batch, name, ranges));
      return [name, fetch] as const;
    });
    // While the last of them completes: records that are decoded lazily can be read until then.
    yield lastOfEach(fetches, (answers) => {
      turn.leave();
      this.#dispatch(batch, answers);
    });
  }

  #dispatch(batch: RunningBatch, answers: ReadonlyMap<string, Fetched<unknown> | undefined>): void {
    for (const [name, answer] of answers) if (!answer) neverFetched(name);
    const read = answers as ReadonlyMap<string, Fetched<unknown>>;
    this.#partitions?.snapshot(batch.time);
    const givenUp = givenUpOf(batch, read, this.#failing);
    const given = givenUp ? withoutRecords(batch, read) : read;
    const aside = typeof this.#options.onRecordError === 'object' ? givenUp : undefined;
    this.#dispatcher.dispatch(batch, given, this.#runFields, aside);
  }

  get #runFields(): RunFields {
    return {
      state: this.#state,
      zeroTime: this.#zeroTime,
      maxInterval: this.#ticker.longestInterval,
      recordErrors: this.#recordPolicy,
    };
  }

  /** The time of the batch that is being dispatched, that is, whose operators are running. */
  get dispatching(): number | undefined {
    return this.#dispatcher.dispatching;
  }

  /** How many holds have been taken of the batch that is being dispatched. */
  get claims(): number {
    return this.#dispatcher.claims;
  }

  /** The subscriber that should have listened to a source at the batch that is being dispatched did not. */
  missed(name: string): void {
    this.#dispatcher.missed(name);
  }

  /** Where progress is kept, a batch that nothing claimed would be lost permanently. */
  get #refusesUnclaimed(): boolean {
    const durable =
      this.#resources.session !== undefined || Object.values(this.#sources).some((source) => source.durable);
    return durable && this.#options.unclaimed === 'error';
  }

  #saved(batch: RunningBatch, info: BatchInfo): void {
    this.#planner.saved(batch, info);
    this.#ending.saved(batch.time);
    this.#options.batchObserver?.next(info);
    this.#monitor.completed(info);
    this.#output.saved?.(batch.time);
    this.#ticker.completed(info.interval, info.processingDelay + info.saveDelay);
    this.#planned.run();
  }
}

/** Batches that are planned ahead of the one that is read: more are planned when these have been read. */
const maxPlannedBatches = 1_024;

function neverFetched(name: string): never {
  throw new TypeError(`the source "${name}" has completed its fetch without a value`);
}

function first<T>(items: Iterable<T>): T | undefined {
  for (const item of items) return item;
  return undefined;
}

/** What a source tells of. */
function observed(monitor: DriverMonitor, name: string) {
  return {
    waiting: (reason: string) => monitor.waiting(reason),
    fetched: monitor.fetchObserver(name),
    received: monitor.receiverObserver(name),
    synced: monitor.syncObserver(name),
    maxTraceParents: monitor.maxTraceParents,
  };
}
