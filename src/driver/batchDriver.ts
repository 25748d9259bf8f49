import {
  concat,
  defer,
  EMPTY,
  ignoreElements,
  merge,
  type Observable,
  type ObservableInput,
  ReplaySubject,
  type SchedulerLike,
  Subscription,
  shareReplay,
  tap,
} from 'rxjs';
import { scheduleAfter } from '../backpressure/longDelay.js';
import { steadyClock } from '../backpressure/steadyClock.js';
import type { Announcements } from '../batch/announcements.js';
import type { Batch } from '../batch/batch.js';
import type { BatchContext, BatchRun } from '../batch/batchContext.js';
import type { BatchInfo } from '../batch/batchInfo.js';
import type { GroupMembership } from '../batch/groupMembership.js';
import { isInsideEffect } from '../batch/insideEffect.js';
import type { KeyedState } from '../batch/keyedState.js';
import type { BatchFailure, StreamRestart } from '../batch/monitoring/monitorEvents.js';
import type { StreamSnapshot } from '../batch/monitoring/streamSnapshot.js';
import type { OffsetRange } from '../batch/offsetRange.js';
import type { PartitionSelection } from '../batch/partitionSelection.js';
import type { TaskInfo } from '../batch/taskInfo.js';
import type { KeyCheck } from '../collections/ownKeys.js';
import { ownValue } from '../collections/ownValue.js';
import { lastOfEach } from '../observables/lastOfEach.js';
import type { Steps } from '../observables/steps.js';
import type { Fetched, Source } from '../sources/source.js';
import { StateRegistry } from '../state/stateRegistry.js';
import { BatchDispatcher, type RunFields } from './batchDispatcher.js';
import type { Tick } from './batchIntervals.js';
import { BatchReplays } from './batchReplays.js';
import { BatchSaver } from './batchSaver.js';
import type { ResolvedDriverOptions } from './driverOptions.js';
import { DriverResources } from './driverResources.js';
import { type FailingBatches, mayBeOfRecords } from './failingBatches.js';
import { givenUpOf } from './givenUpRecords.js';
import { DriverMonitor, type FailureHistory } from './monitoring/driverMonitor.js';
import { driverSnapshot } from './monitoring/driverSnapshot.js';
import { orphanedSources } from './orphanedSources.js';
import { partitionsOfTask } from './partitionsOfTask.js';
import { savedRanges } from './plannedRanges.js';
import { Planner } from './planner.js';
import { RecordPolicy } from './recordPolicy.js';
import { noPlan, type RunningBatch } from './runningBatch.js';
import { selectionOfRun } from './selectionOfRun.js';
import { type BatchStep, SerialQueue, type Turn } from './serialQueue.js';
import type { Finish } from './stopReport.js';
import { Ticker } from './ticker.js';
import { withoutRecords } from './withoutRecords.js';

/** Where a driver sends its batches: one for each source at every tick, in the order of the sources. */
export interface DriverOutput {
  /** Returns whether this source still has a subscriber, once it has received the batch. */
  next(name: string, batch: Batch<unknown>): boolean;
  /** With `restart` the stream starts again after its pause. */
  error(error: unknown, restart?: Restart): void;
  complete(): void;
  /** The batch of this time got through. */
  saved?(time: number): void;
  /** Everything is closed, however the run ended: what it had open may be opened again. */
  closed?(): void;
  /** Whether, and when, the stream starts again after a failure; asked once, before `error`. */
  restart?(failed: FailedRun): Restart | undefined;
}

/** Where a run failed, and by what. */
export interface FailedRun extends Pick<BatchFailure, 'time' | 'stage' | 'error'> {
  /** How often the checkpoint says that the batch was started again and did not get through, this time included. */
  readonly attempts: number;
  /** How many records it had, at most. */
  readonly records: number;
}

/** The stream starts again: how often it has done so with no batch getting through, and after which pause in ms. */
export type Restart = Pick<StreamRestart, 'attempt' | 'delay'>;

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
export class BatchDriver implements BatchRun {
  readonly selection: PartitionSelection | undefined;
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
  #ended = false;
  /** It plans and sends nothing more. */
  #closed = false;
  /** Everything is closed, too. */
  #isOver = false;
  /** The limit of the opening. */
  #opening = Subscription.EMPTY;
  #stopping: Stopping | undefined;

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
    // A task has a name of its own.
    this.selection = options.task ? undefined : selectionOfRun(sources);
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
      this.#fail(error);
    };
    const on = { fail, drained: () => this.#finishWhenDrained() };
    const free = () => this.#saver.started.length < options.concurrentBatches;
    this.#planner = new Planner(options.initialRate, this.#now);
    this.#ticker = new Ticker(options, {
      ...on,
      plan: (tick, turn) => this.#plan(tick, turn),
      ready: () => this.#planned.size < maxPlannedBatches,
      active: () => this.#ticking,
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
      { ...parts, run: this, states: announced.states, refusesUnclaimed, held: options.held },
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
  }

  get restarts(): boolean {
    return this.#options.retry !== undefined || this.#options.held !== undefined;
  }

  get run(): BatchRun {
    return this;
  }

  get clusters(): readonly string[] {
    return this.#ofClients('clusterId');
  }

  get groups(): readonly string[] {
    return this.#ofClients('groupId');
  }

  #ofClients(id: 'clusterId' | 'groupId'): readonly string[] {
    return this.#resources.runs.flatMap(([, run]) => run.snapshot?.().client?.[id] ?? []);
  }

  get task(): TaskInfo | undefined {
    return this.#options.task;
  }

  get membership(): (() => GroupMembership | undefined) | undefined {
    const { held } = this.#options;
    return held && (() => held.membership());
  }

  get keyCheck(): KeyCheck | undefined {
    return this.#options.keyCheck;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get open(): readonly BatchContext[] {
    return this.#saver.started.flatMap(({ open }) => (open && !open.settled ? [open] : []));
  }

  start(): void {
    // Left before it began: nobody would close what is opened now.
    if (this.#closed) return;
    this.#opening = this.#limited('opening');
    this.#work.add(this.#opening);
    const sources = defer(() => this.#openSources());
    const opened = concat(this.#openCheckpoint(), sources);
    this.#work.add(opened.subscribe({ error: (error) => this.#fail(error), complete: () => this.#startTicking() }));
  }

  whenClosed(teardown: () => void): void {
    this.#work.add(teardown);
  }

  /** Unsubscribed: aborts what is open. Nothing more is sent. */
  close(): void {
    this.#shut(() => this.#monitor.ended('unsubscribed'));
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
      runs: this.#closed ? [] : this.#resources.runs,
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

  /**
   * Plans no more batches, but of what sources have gathered, finishes those that are planned, completes the output, then calls `finish`. The
   * function of an output that calls it may be about to wait for it, and the stream for that function: `finish` is called at once.
   */
  stop(drainTimeout: number, finish: Finish): void {
    const callers = isInsideEffect(this) ? [] : [finish];
    if (this.#isOver) {
      finish({ completed: [], aborted: [] });
      return;
    }
    if (this.#stopping) this.#stopping.finish.push(...callers);
    // One that has failed does not start again now, once it is closed.
    else if (this.#closed) this.#stopping = { draining: false, releasing: false, completed: [], finish: callers };
    else this.#stopAfter(drainTimeout, callers);
    if (callers.length === 0) finish({ completed: [], aborted: [], unfinished: this.#unfinished });
  }

  /**
   * Finishes the batches that are open and no others: those that are planned stay in the checkpoint, for the process that opens it next. Then
   * completes the output, and calls `finish`.
   */
  release(drainTimeout: number, finish: Finish): void {
    if (this.#closed || this.#stopping) this.stop(drainTimeout, finish);
    else this.#stopAfter(drainTimeout, [finish], true);
  }

  #stopAfter(drainTimeout: number, finish: Finish[], releasing = false): void {
    const draining = !releasing && this.#resources.stop();
    this.#stopping = { draining, releasing, completed: [], finish };
    this.#monitor.stopping();
    this.#ticker.clear();
    if (releasing) this.#planned.clear();
    this.#work.add(scheduleAfter(this.#options.scheduler, drainTimeout, () => this.#finish()));
    this.#finishWhenDrained();
  }

  /** The times of the batches that are open or planned. */
  get #unfinished(): number[] {
    return [...this.#saver.started, ...this.#planned.waiting].map(({ time }) => time);
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
      const open = [...this.#announced.openings].map((opening) => opening(this));
      if (typeof onRecordError === 'object' && onRecordError.open) open.push(onRecordError.open(this));
      return merge(...open);
    });
    const outputsReady = openings.pipe(ignoreElements(), shareReplay());
    const keepOffsets = this.#recordPolicy !== undefined;
    const kept = restored ? orphanedSources(this.#options, this.#sources, restored) : [];
    for (const [name, positions] of kept) this.#saver.restore(name, positions);
    return this.#resources.openSources(this.#sources, (name) => {
      const positions = ownValue(restored?.positions, name);
      this.#saver.restore(name, positions ?? []);
      const replay = restored?.planned.map((planned) => ownValue(planned.ranges, name) ?? []) ?? [];
      const isFirst = this.#sources[name]?.readFirst;
      if (isFirst) this.#planner.readFirst(name);
      else if (backpressure) this.#planner.control(name, backpressure({ interval, initialRate, source: name }));
      const { held } = this.#options;
      const monitors = {
        waiting: (reason: string) => this.#monitor.waiting(reason),
        ...(held && { membership: () => held.membership() }),
        fetched: this.#monitor.fetchObserver(name),
        received: this.#monitor.receiverObserver(name),
        synced: this.#monitor.syncObserver(name),
        maxTraceParents: this.#monitor.maxTraceParents,
      };
      const hasOthers = !isFirst && Object.keys(this.#sources).length > 1;
      return {
        name,
        interval,
        scheduler: steady,
        restored: positions,
        replay,
        outputsReady,
        keepOffsets,
        hasOthers,
        ...monitors,
      };
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

  get #ticking(): boolean {
    return !(this.#closed || this.#ended || this.#stopping?.draining === false);
  }

  *#plan(tick: Tick, turn: Turn): Steps {
    turn.enter({ stage: 'plan', name: 'planning', time: tick.time });
    const late = this.#options.scheduler.now() >= tick.time + this.#ticker.interval;
    const when = { stopping: this.#stopping !== undefined, late };
    const batch = yield* this.#planner.plan(tick, this.#resources.runs, when);
    if (!batch) {
      this.#ended = true;
      this.#ticker.clear();
      return;
    }
    this.#latest = batch;
    batch.selection = this.selection?.all;
    yield this.#logPlan(batch);
    this.#queue(batch, false);
  }

  #queue(batch: RunningBatch, replayed: boolean): void {
    // Planned while the run was to be given away: it is in the checkpoint.
    if (this.#stopping?.releasing) return;
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
    this.#stopping?.completed.push(batch.time);
    this.#options.batchObserver?.next(info);
    this.#monitor.completed(info);
    this.#output.saved?.(batch.time);
    this.#ticker.completed(info.interval, info.processingDelay + info.saveDelay);
    this.#planned.run();
  }

  // ---- ending

  #finishWhenDrained(): void {
    const drained = this.#ticker.idle && this.#planned.idle && this.#saver.idle;
    if (drained && !this.#ticking) this.#finish();
  }

  #finish(): void {
    this.#shut((closing) => {
      if (closing) {
        this.#notifyFailed(closing.error);
        return;
      }
      this.#monitor.ended(this.#stopping ? 'stopped' : 'completed');
      this.#output.complete();
    });
  }

  /** What fails while closing after a failure is a consequence of it: the first error is the one to report. */
  #fail(error: unknown): void {
    const { time, stage } = this.#monitor.originOf(error);
    this.#shut(() => this.#notifyFailed(error), error, mayBeOfRecords(error, stage) ? time : undefined);
  }

  /** A stream that was to stop does not start again. */
  #notifyFailed(error: unknown): void {
    const { time, stage } = this.#monitor.originOf(error);
    const batch = this.#saver.started.find((started) => started.time === time);
    const failed = { error, time, stage, attempts: batch?.attempts ?? 0, records: batch?.records ?? 0 };
    const restart = this.#stopping ? undefined : this.#output.restart?.(failed);
    this.#monitor.failed(error, restart);
    this.#output.error(error, restart);
  }

  /**
   * Aborts what is open and closes everything, so that a `retry()` finds files and locks free; then notifies the output how
   * it ended (with what failed while closing), and then the caller of `stop`. `failed` is the time of the batch whose records are to blame.
   */
  #shut(notify: (closing?: { readonly error: unknown }) => void, cause?: unknown, failed?: number): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#replays.uncount(this.#saver.started, failed);
    const { started } = this.#saver;
    const aborted = this.#unfinished;
    // The newest first: what waits behind an older batch must know that it is aborted before that one releases it.
    for (const batch of [...started].reverse()) batch.open?.close(cause);
    this.#ticker.close();
    this.#planned.close();
    this.#saver.close();
    this.#work.unsubscribe();
    const closed = (closing?: { readonly error: unknown }) => {
      this.#isOver = true;
      notify(closing);
      for (const finish of this.#stopping?.finish ?? []) {
        finish({ completed: this.#stopping?.completed ?? [], aborted });
      }
      this.#output.closed?.();
    };
    const late = new ReplaySubject<void>(1);
    const limit = this.#limited('closing', () => late.next());
    limit.add(
      this.#resources.close(late).subscribe({
        error: (error: unknown) => {
          limit.unsubscribe();
          closed({ error });
        },
        complete: () => {
          limit.unsubscribe();
          closed();
        },
      }),
    );
  }

  /** Where other processes wait for the work, the group observer hears of a step that takes too long. */
  #limited(step: 'opening' | 'closing', late: () => void = () => {}): Subscription {
    const { held, scheduler } = this.#options;
    if (!held) return new Subscription();
    const { patience } = held;
    return scheduleAfter(scheduler, patience, () => {
      held.stuck(step, patience);
      late();
    });
  }
}

interface Stopping {
  /** Whether sources still have something to be planned. */
  readonly draining: boolean;
  /** Whether planned batches are left to the process that opens the checkpoint next. */
  readonly releasing: boolean;
  readonly completed: number[];
  readonly finish: Finish[];
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
