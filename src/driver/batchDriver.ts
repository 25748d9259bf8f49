import {
  concat,
  defaultIfEmpty,
  defer,
  EMPTY,
  forkJoin,
  last,
  map,
  mergeMap,
  type Observable,
  type ObservableInput,
  type SchedulerLike,
  Subscription,
  tap,
} from 'rxjs';
import { steadyClock } from '../backpressure/steadyClock.js';
import type { AnyStateDescription } from '../batch/announcedStates.js';
import { Batch } from '../batch/batch.js';
import type { BatchContext, BatchRun } from '../batch/batchContext.js';
import type { BatchInfo } from '../batch/batchInfo.js';
import { UnclaimedBatchError } from '../batch/errors.js';
import type { EffectRunner } from '../batch/monitoring/effectRunner.js';
import type { StreamSnapshot } from '../batch/monitoring/streamSnapshot.js';
import { ownValue } from '../collections/ownValue.js';
import type { Fetched, Plan, Source } from '../sources/source.js';
import type { PlannedBatch } from '../state/checkpoint.js';
import { StateRegistry } from '../state/stateRegistry.js';
import type { Tick } from './batchIntervals.js';
import type { ResolvedDriverOptions } from './driverOptions.js';
import { DriverResources } from './driverResources.js';
import { DriverMonitor, type FailureHistory } from './monitoring/driverMonitor.js';
import { driverSnapshot } from './monitoring/driverSnapshot.js';
import { OpenBatch } from './openBatch.js';
import { noPlan, Planner } from './planner.js';
import { ReachedPositions } from './reachedPositions.js';
import { RunningBatch } from './runningBatch.js';
import { SerialQueue } from './serialQueue.js';
import type { StopReport } from './stopReport.js';
import { Ticker } from './ticker.js';
import { TimeLimits } from './timeLimits.js';

/** Where a driver sends its batches: one for each source at every tick, in the order of the sources. */
export interface DriverOutput {
  /** Returns whether this source still has a subscriber, once it has received the batch. */
  next(name: string, batch: Batch<unknown>): boolean;
  error(error: unknown): void;
  complete(): void;
}

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
  readonly #sources: Readonly<Record<string, Source<unknown>>>;
  readonly #options: ResolvedDriverOptions;
  readonly #output: DriverOutput;
  /** The states that operators behind the streams have announced. */
  readonly #states: ReadonlySet<AnyStateDescription>;
  readonly #work = new Subscription();
  readonly #resources = new DriverResources();
  readonly #reached = new ReachedPositions();
  /** Started batches, oldest first; the first `#saving` of them are complete and on their way to be saved. */
  readonly #open: RunningBatch[] = [];
  #saving = 0;
  readonly #ticker: Ticker;
  readonly #planner: Planner;
  readonly #planned: SerialQueue<RunningBatch>;
  readonly #done: SerialQueue<RunningBatch>;
  readonly #monitor: DriverMonitor;
  readonly #limits: TimeLimits;
  /** As `#reached`, of the batches that have been saved and committed. */
  readonly #committed = new ReachedPositions();
  /** The batch planned last. */
  #latest: RunningBatch | undefined;
  #lastInfo: BatchInfo | undefined;
  #savedAt: number | undefined;
  #state = new StateRegistry();
  /** For durations and the times of a `BatchInfo`; batches are due by the clock of the scheduler. */
  readonly #now: () => number;
  #zeroTime = 0;
  #statesChecked = false;
  #ended = false;
  #closed = false;
  #dispatching: number | undefined;
  #stopping: { readonly draining: boolean; readonly completed: number[]; readonly finish: Finish[] } | undefined;

  constructor(
    sources: Readonly<Record<string, Source<unknown>>>,
    options: ResolvedDriverOptions,
    output: DriverOutput,
    history: FailureHistory,
    states: ReadonlySet<AnyStateDescription>,
  ) {
    this.#sources = sources;
    this.#options = options;
    this.#output = output;
    this.#states = states;
    this.#now = steadyClock(options.scheduler);
    const on = { fail: (error: unknown) => this.#fail(error), drained: () => this.#finishWhenDrained() };
    const free = () => this.#open.length < options.concurrentBatches;
    this.#planner = new Planner(options.initialRate, this.#now);
    this.#ticker = new Ticker(options, {
      ...on,
      plan: (tick) =>
        this.#monitor.step('plan', tick.time, () => this.#limits.step('planning', tick.time, () => this.#plan(tick))),
      ready: () => this.#planned.size < maxPlannedBatches,
      active: () => this.#ticking,
    });
    this.#planned = new SerialQueue((batch) => this.#process(batch), on, free);
    this.#done = new SerialQueue((batch) => this.#save(batch), on);
    const kinds = Object.entries(sources).map(([name, { kind }]) => [name, kind] as const);
    const stream = {
      name: options.name,
      interval: options.interval,
      sources: Object.fromEntries(kinds),
      checkpoint: options.checkpoint?.location,
      snapshot: () => this.snapshot(),
    };
    this.#limits = new TimeLimits(options);
    this.#monitor = new DriverMonitor({ ...options, now: this.#now }, stream, history, () => this.#pendingSince);
  }

  get closed(): boolean {
    return this.#closed;
  }

  get open(): readonly BatchContext[] {
    return this.#open.flatMap(({ open }) => (open && !open.settled ? [open] : []));
  }

  start(): void {
    // Left before it began: nobody would close what is opened now.
    if (this.#closed) return;
    const sources = defer(() => this.#openSources());
    const opened = concat(this.#openCheckpoint(), sources);
    this.#work.add(opened.subscribe({ error: (error) => this.#fail(error), complete: () => this.#startTicking() }));
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
      monitor: this.#monitor,
      interval: this.#ticker.interval,
      lastBatch: this.#lastInfo,
      waiting: this.#ticker.size + this.#planned.size,
      open: this.#open.slice(this.#saving),
      saving: this.#open.slice(0, this.#saving),
      sources: this.#sources,
      runs: this.#closed ? [] : this.#resources.runs,
      committed: this.#committed,
      latest: this.#latest,
      state: this.#state.snapshot(),
      checkpoint: checkpoint && {
        location: checkpoint.location,
        time: this.#lastInfo?.time ?? this.#resources.session?.restored?.time,
        savedAt: this.#savedAt,
      },
    });
  }

  /** Since when the oldest batch that is open or due has been so. */
  get #pendingSince(): number | undefined {
    const batch = this.#open[0] ?? first(this.#planned.waiting);
    return batch?.submissionTime ?? this.#ticker.oldest;
  }

  /** Plans no more batches, but of what sources have gathered, finishes those that are planned, completes the output, then calls `finish`. */
  stop(drainTimeout: number, finish: Finish): void {
    if (this.#closed) finish({ completed: [], aborted: [] });
    else if (this.#stopping) this.#stopping.finish.push(finish);
    else this.#stopAfter(drainTimeout, finish);
  }

  #stopAfter(drainTimeout: number, finish: Finish): void {
    this.#stopping = { draining: this.#resources.stop(), completed: [], finish: [finish] };
    this.#monitor.stopping();
    this.#ticker.clear();
    this.#work.add(this.#options.scheduler.schedule(() => this.#finish(), drainTimeout));
    this.#finishWhenDrained();
  }

  // ---- opening

  #openCheckpoint(): Observable<unknown> {
    const opened = () => {
      this.#state = new StateRegistry(this.#resources.session);
    };
    return this.#resources.openCheckpoint(this.#options).pipe(tap({ complete: opened }));
  }

  #openSources(): Observable<unknown> {
    const { interval, scheduler, backpressure, initialRate } = this.#options;
    const steady: SchedulerLike = { now: this.#now, schedule: scheduler.schedule.bind(scheduler) };
    const restored = this.#resources.session?.restored;
    return this.#resources.openSources(this.#sources, (name) => {
      const positions = ownValue(restored?.positions, name);
      this.#reached.restore(name, positions ?? []);
      this.#committed.restore(name, positions ?? []);
      const replay = restored?.planned.map((planned) => ownValue(planned.ranges, name) ?? []) ?? [];
      if (backpressure) this.#planner.control(name, backpressure({ interval, initialRate, source: name }));
      const fetched = this.#monitor.fetchObserver(name);
      return { name, interval, scheduler: steady, restored: positions, replay, fetched };
    });
  }

  #startTicking(): void {
    const restored = this.#resources.session?.restored;
    const now = this.#options.scheduler.now();
    this.#zeroTime = restored?.zeroTime ?? this.#ticker.zeroTime(now);
    this.#ticker.continueAfter(restored?.planned.at(-1)?.time ?? restored?.time, now);
    this.#monitor.opened(restored?.planned.length ?? 0);
    const begin = (): void => {
      for (const planned of restored?.planned ?? []) this.#queue(this.#replayed(planned, this.#now()), true);
      this.#ticker.start();
    };
    // Not at once: a batch that is replayed is for all subscribers of a stream that is shared.
    this.#work.add(this.#options.scheduler.schedule(begin));
  }

  #replayed({ time, interval, ranges }: PlannedBatch, now: number): RunningBatch {
    const plan = (name: string): [string, Plan] => [name, { ranges: ownValue(ranges, name) ?? [], lag: 0 }];
    return new RunningBatch(time, interval, now, new Map(Object.keys(this.#sources).map(plan)));
  }

  // ---- ticking and planning

  get #ticking(): boolean {
    return !(this.#closed || this.#ended || this.#stopping?.draining === false);
  }

  #plan(tick: Tick): Observable<unknown> {
    const late = this.#options.scheduler.now() >= tick.time + this.#ticker.interval;
    return this.#planner.plan(tick, this.#resources.runs, { stopping: this.#stopping !== undefined, late }).pipe(
      mergeMap((batch) => {
        if (!batch) return this.#sourcesEnded();
        this.#latest = batch;
        return concat(this.#logPlan(batch), EMPTY.pipe(tap({ complete: () => this.#queue(batch, false) })));
      }),
    );
  }

  #queue(batch: RunningBatch, replayed: boolean): void {
    this.#planner.queued(batch);
    this.#monitor.planned(() => batch.planned(replayed));
    this.#planned.push(batch);
  }

  #logPlan(batch: RunningBatch): ObservableInput<unknown> {
    if (!this.#resources.session) return EMPTY;
    const ranges = Object.fromEntries([...batch.plans].map(([name, plan]) => [name, plan.ranges]));
    const { time, interval } = batch;
    return this.#resources.session.plan({ time, zeroTime: this.#zeroTime, interval, ranges });
  }

  #sourcesEnded(): Observable<never> {
    this.#ended = true;
    this.#ticker.clear();
    return EMPTY;
  }

  // ---- reading and dispatching

  #process(batch: RunningBatch): Observable<unknown> {
    this.#open.push(batch);
    batch.processingStartTime = this.#now();
    batch.enter('fetch', batch.processingStartTime);
    this.#ticker.run();
    const fetches = this.#resources.runs.map(([name, run]) =>
      defer(() => run.fetch(batch.plans.get(name) ?? noPlan)).pipe(
        last(),
        map((fetched) => [name, fetched] as const),
      ),
    );
    const fetched = this.#monitor.step('fetch', batch.time, () =>
      this.#limits.step('reading', batch.time, () => forkJoin(fetches)),
    );
    return fetched.pipe(tap((answers) => this.#dispatch(batch, new Map(answers))));
  }

  #dispatch(batch: RunningBatch, fetched: ReadonlyMap<string, Fetched<unknown>>): void {
    batch.fetched(fetched);
    batch.dispatchTime = this.#now();
    batch.enter('dispatch', batch.dispatchTime);
    const fields = {
      time: batch.time,
      interval: batch.interval,
      maxInterval: this.#ticker.longestInterval,
      zeroTime: this.#zeroTime,
      inputs: batch.inputs,
      state: this.#state,
      run: this,
      effects: this.#effects(batch.time),
    };
    const fail = (error: unknown): void => {
      this.#monitor.holdFailed(error, batch.time, batch.stage === 'dispatch');
      this.#fail(error);
    };
    const events = { complete: () => this.#completed(batch), fail };
    const open = new OpenBatch(fields, events, this.#now);
    batch.open = open;
    const own = open.hold();
    const first = !this.#statesChecked;
    this.#statesChecked = true;
    if (first) this.#state.checkAnnounced(this.#states);
    this.#dispatching = batch.time;
    this.#monitor.dispatch(batch.time, () => this.#handOut(open, fetched));
    if (this.#closed) return;
    if (first) this.#state.checkOpened();
    const now = this.#now();
    batch.dispatchDelay = now - batch.dispatchTime;
    batch.enter('effect', now);
    own.release();
    this.#dispatching = undefined;
  }

  #handOut(open: OpenBatch, fetched: ReadonlyMap<string, Fetched<unknown>>): void {
    for (const [name, { partitions }] of fetched) {
      const heard = this.#output.next(name, new Batch(partitions, open));
      if (this.#closed) return;
      if (!heard) this.missed(name);
    }
  }

  /** The time of the batch that is being dispatched, that is, whose operators are running. */
  get dispatching(): number | undefined {
    return this.#dispatching;
  }

  /** Nobody, or not the subscriber that should have, listened to a source at the batch that is being dispatched. */
  missed(name: string): void {
    const batch = this.#open.at(-1);
    if (!batch || !this.#refusesUnclaimed) return;
    const error = new UnclaimedBatchError(batch.time, name);
    this.#monitor.holdFailed(error, batch.time, batch.stage === 'dispatch');
    this.#fail(error);
  }

  /** How outputs run their effects, where that needs anything. */
  #effects(time: number): EffectRunner | undefined {
    if (!this.#limits.ofEffects && !this.#monitor.watched) return undefined;
    return this.#monitor.effects(time, (effect, work) => this.#limits.effect(time, effect, work));
  }

  /** Where progress is kept, a batch that nothing claimed would be lost permanently. */
  get #refusesUnclaimed(): boolean {
    const durable =
      this.#resources.session !== undefined || Object.values(this.#sources).some((source) => source.durable);
    return durable && this.#options.unclaimed === 'error';
  }

  // ---- completing and saving

  #completed(batch: RunningBatch): void {
    if (this.#closed) return;
    // The driver's own hold was the only one: no operation has claimed the batch.
    if (batch.open?.claims === 1 && this.#refusesUnclaimed) {
      const error = new UnclaimedBatchError(batch.time);
      this.#monitor.holdFailed(error, batch.time, true);
      this.#fail(error);
      return;
    }
    batch.processingEndTime = this.#now();
    // Only the unbroken run of complete batches is saved: a later one waits for those before it.
    for (;;) {
      const next = this.#open[this.#saving];
      if (next?.processingEndTime === undefined) return;
      this.#saving++;
      this.#done.push(next);
    }
  }

  /**
   * From a complete batch to its `BatchInfo`, each step when the one before has settled: state and positions go to the checkpoint;
   * the sources commit their offsets; controllers and observers are notified. So committed offsets never exceed what is saved,
   * and after a crash between the two a restart follows the checkpoint.
   */
  #save(batch: RunningBatch): Observable<unknown> {
    const { time } = batch;
    return concat(
      this.#monitor.stage({ kind: 'save', time }, () => {
        batch.enter('save', this.#now());
        return this.#limits.step('saving', time, () => this.#saveCheckpoint(batch));
      }),
      this.#monitor.stage({ kind: 'commit', time }, () => {
        batch.enter('commit', this.#now());
        return this.#limits.step('committing', time, () => this.#commit(batch));
      }),
      defer(() => this.#saved(batch)),
    );
  }

  #saveCheckpoint(batch: RunningBatch): ObservableInput<unknown> {
    const changes = this.#state.takeChanges(batch.time);
    this.#reached.advance(batch.plans);
    if (!this.#resources.session) return EMPTY;
    const positions = this.#reached.toRecord();
    const { time, interval } = batch;
    return this.#resources.session.save({ time, zeroTime: this.#zeroTime, interval, positions, changes });
  }

  #commit(batch: RunningBatch): ObservableInput<unknown> {
    const commits = this.#resources.runs.map(([name, run]) =>
      defer(() => run.commit(batch.plans.get(name)?.ranges ?? [])).pipe(defaultIfEmpty(undefined)),
    );
    return forkJoin(commits);
  }

  #saved(batch: RunningBatch): Observable<never> {
    this.#open.shift();
    this.#saving--;
    this.#state.completed(batch.time);
    this.#committed.advance(batch.plans);
    this.#savedAt = this.#now();
    const info = batch.info(this.#savedAt);
    this.#lastInfo = info;
    this.#planner.saved(batch, info);
    this.#stopping?.completed.push(batch.time);
    this.#options.batchObserver?.next(info);
    this.#monitor.completed(info);
    this.#ticker.completed(info.interval, info.processingDelay + info.saveDelay);
    this.#planned.run();
    return EMPTY;
  }

  // ---- ending

  #finishWhenDrained(): void {
    const drained = this.#ticker.idle && this.#planned.idle && this.#done.idle && this.#open.length === 0;
    if (drained && !this.#ticking) this.#finish();
  }

  #finish(): void {
    this.#shut((closing) => {
      if (closing) {
        this.#monitor.failed(closing.error);
        this.#output.error(closing.error);
        return;
      }
      this.#monitor.ended(this.#stopping ? 'stopped' : 'completed');
      this.#output.complete();
    });
  }

  /** What fails while closing after a failure is a consequence of it: the first error is the one to report. */
  #fail(error: unknown): void {
    this.#shut(() => {
      this.#monitor.failed(error);
      this.#output.error(error);
    }, error);
  }

  /**
   * Aborts what is open and closes everything, so that a `retry()` finds files and locks free; then notifies the output how
   * it ended (with what failed while closing), and then the caller of `stop`.
   */
  #shut(notify: (closing?: { readonly error: unknown }) => void, cause?: unknown): void {
    if (this.#closed) return;
    this.#closed = true;
    const aborted = [...this.#open, ...this.#planned.waiting].map(({ time }) => time);
    // The newest first: what waits behind an older batch must know that it is aborted before that one releases it.
    for (const batch of [...this.#open].reverse()) batch.open?.close(cause);
    this.#ticker.close();
    this.#planned.close();
    this.#done.close();
    this.#work.unsubscribe();
    const closed = (closing?: { readonly error: unknown }) => {
      notify(closing);
      for (const finish of this.#stopping?.finish ?? []) {
        finish({ completed: this.#stopping?.completed ?? [], aborted });
      }
    };
    this.#resources.close().subscribe({ error: (error: unknown) => closed({ error }), complete: () => closed() });
  }
}

type Finish = (report: StopReport) => void;

/** Batches that are planned ahead of the one that is read: more are planned when these have been read. */
const maxPlannedBatches = 1_024;

function first<T>(items: Iterable<T>): T | undefined {
  for (const item of items) return item;
  return undefined;
}
