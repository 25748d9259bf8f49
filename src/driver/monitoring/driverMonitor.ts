import { type ObservableInput, type SchedulerLike, Subscription } from 'rxjs';
import { scheduleAfter } from '../../backpressure/longDelay.js';
import type { BatchInfo } from '../../batch/batchInfo.js';
import type { EffectRunner } from '../../batch/monitoring/effectRunner.js';
import type {
  BatchFailure,
  BatchPlanned,
  BatchRead,
  FetchEvent,
  LogSynced,
  StreamEnd,
  StreamRestart,
} from '../../batch/monitoring/monitorEvents.js';
import type { ReceiverStatus } from '../../batch/monitoring/receiverStatus.js';
import type { MonitoredStream, StreamMonitor } from '../../batch/monitoring/streamMonitor.js';
import type { StatusTrigger } from '../../batch/monitoring/streamStatus.js';
import type { EffectLimit } from '../limitedEffect.js';
import { BatchEffects, type ErrorOrigin } from './batchEffects.js';
import { diagnosticsMonitor } from './diagnosticsMonitor.js';
import { RunMonitors } from './runMonitors.js';
import type { StageDescription } from './stageRun.js';
import { StatusTracker } from './statusTracker.js';

/** How many subscriptions of a stream have failed in a row; one object for all of them. */
export interface FailureHistory {
  failed: number;
}

export interface DriverMonitorOptions {
  readonly monitors: readonly StreamMonitor[];
  /** How long a batch may be open or due with none completing before the stream is stalled, in ms. */
  readonly stallAfter: number;
  readonly scheduler: SchedulerLike;
  /** The clock of the driver, in ms: it never goes back. */
  readonly now: () => number;
}

/**
 * What a driver reports of its run: the status, which is always kept, and everything else, which goes to the monitors and
 * costs nothing without monitors.
 */
export class DriverMonitor {
  readonly #monitors: RunMonitors | undefined;
  readonly #tracker: StatusTracker;
  readonly #history: FailureHistory;
  readonly #attempt: number;
  readonly #scheduler: SchedulerLike;
  readonly #now: () => number;
  readonly #stallAfter: number;
  readonly #pendingSince: () => number | undefined;
  readonly #timer = new Subscription();
  #progressTime: number;
  /** Where the latest error came from: the first that named it knows best. */
  #blamed: { readonly error: unknown; readonly origin: ErrorOrigin } | undefined;
  #recovery: { readonly done: number; readonly total: number } | undefined;
  readonly #blames = (error: unknown, origin: ErrorOrigin): void => this.blame(error, origin);

  /** `pendingSince` returns since when the oldest batch that is open or due has been so. */
  constructor(
    { monitors, stallAfter, scheduler, now }: DriverMonitorOptions,
    stream: Omit<MonitoredStream, 'attempt' | 'now'>,
    history: FailureHistory,
    pendingSince: () => number | undefined,
  ) {
    this.#scheduler = scheduler;
    this.#stallAfter = stallAfter;
    this.#history = history;
    this.#attempt = history.failed;
    this.#pendingSince = pendingSince;
    this.#now = now;
    this.#progressTime = now();
    const diagnostics = diagnosticsMonitor();
    const watching = diagnostics ? [...monitors, diagnostics] : monitors;
    if (watching.length > 0) this.#monitors = new RunMonitors(watching, { ...stream, attempt: this.#attempt, now });
    this.#tracker = new StatusTracker(now(), (change) => this.#monitors?.tell((monitor) => monitor.status?.(change)));
  }

  /** Whether anybody listens. */
  get watched(): boolean {
    return this.#monitors !== undefined;
  }

  get attempt(): number {
    return this.#attempt;
  }

  get status() {
    this.#lookForStall();
    const { status, since, reason } = this.#tracker;
    return { status, since, reason, recovery: this.#recovery };
  }

  /** The checkpoint is in use: the stream waits until its owner has left or its lease is over. */
  waiting(reason: string): void {
    this.#tracker.waiting(reason, this.#now());
  }

  /** Checkpoint and sources are open; `replays` batches are replayed first. */
  opened(replays: number): void {
    this.#progressTime = this.#now();
    if (replays > 0) {
      this.#recovery = { done: 0, total: replays };
      this.#trigger('opened');
    } else this.#trigger('recovered');
    if (this.#monitors) this.#watchForStall(this.#stallAfter);
  }

  planned(batch: () => BatchPlanned): void {
    if (!this.#monitors) return;
    const planned = batch();
    this.#monitors.tell((monitor) => monitor.planned?.(planned));
  }

  /** What a source calls after each request for records; nothing where nobody listens. */
  fetchObserver(source: string): ((event: Omit<FetchEvent, 'source'>) => void) | undefined {
    const monitors = this.#monitors;
    return monitors && ((event) => monitors.tell((monitor) => monitor.fetched?.({ ...event, source })));
  }

  /** What a write-ahead log reports after each append; nothing where nobody listens. */
  syncObserver(source: string): ((event: Omit<LogSynced, 'source'>) => void) | undefined {
    const monitors = this.#monitors;
    return monitors && ((event) => monitors.tell((monitor) => monitor.synced?.({ ...event, source })));
  }

  /** How many `traceparent` headers of a batch the monitors want. */
  get maxTraceParents(): number {
    return this.#monitors?.maxTraceParents ?? 0;
  }

  read(batch: () => BatchRead): void {
    if (!this.#monitors) return;
    const read = batch();
    this.#monitors.tell((monitor) => monitor.read?.(read));
  }

  /** What a source calls when one of its receivers changes its status; nothing where nobody listens. */
  receiverObserver(source: string): ((status: ReceiverStatus) => void) | undefined {
    const monitors = this.#monitors;
    return monitors && ((status) => monitors.tell((monitor) => monitor.receiver?.({ ...status, source })));
  }

  completed(info: BatchInfo): void {
    this.#progressTime = this.#now();
    this.#history.failed = 0;
    this.#monitors?.tell((monitor) => monitor.completed?.(info));
    if (!this.#recovery) {
      this.#trigger('progressed');
      return;
    }
    const { done, total } = this.#recovery;
    this.#recovery = done + 1 < total ? { done: done + 1, total } : undefined;
    this.#trigger(this.#recovery ? 'replayed' : 'recovered');
  }

  stopping(): void {
    this.#trigger('stop');
  }

  ended(reason: Exclude<StreamEnd['reason'], 'failed'>): void {
    this.#timer.unsubscribe();
    this.#history.failed = 0;
    this.#trigger('end');
    this.#end({ reason, at: this.#now() });
  }

  /** Where an error came from. */
  originOf(error: unknown): ErrorOrigin {
    const blamed = this.#blamed;
    return blamed && blamed.error === error ? blamed.origin : { time: undefined, stage: 'open' };
  }

  /** With `restart` the stream starts again by itself. */
  failed(error: unknown, restart?: Pick<StreamRestart, 'attempt' | 'delay'>): void {
    this.#timer.unsubscribe();
    this.#history.failed = this.#attempt + 1;
    const { time, stage, operator, id } = this.originOf(error);
    if (restart) this.#monitors?.tell((monitor) => monitor.restarting?.({ time, error, ...restart }));
    const failure: BatchFailure = { time, stage, operator, id, error, attempt: this.#attempt };
    this.#monitors?.tell((monitor) => monitor.failed?.(failure));
    this.#trigger('error', { error });
    this.#end({ reason: 'failed', at: this.#now(), error });
  }

  /** That is where the stream failed: to be called with an error before it goes on. The first call with it counts. */
  blame(error: unknown, origin: ErrorOrigin): void {
    if (this.#blamed?.error !== error) this.#blamed = { error, origin };
  }

  /** The same as `work`, run as a stage. Left because it took too long, it ends with the error that it is blamed for. */
  stage<T>(description: StageDescription, work: () => ObservableInput<T>): ObservableInput<T> {
    const { kind, time } = description;
    const failure = () => {
      const { stage, time: failed } = this.#blamed?.origin ?? {};
      return stage === kind && failed === time ? this.#blamed : undefined;
    };
    return this.#monitors ? this.#monitors.stageOf(description, work, failure) : work();
  }

  /** Runs the dispatch of a batch as a stage. */
  dispatch(time: number, work: () => void): void {
    if (this.#monitors) this.#monitors.stage({ kind: 'dispatch', time }, work);
    else work();
  }

  /** A hold of the batch failed: in its dispatch, unless an effect was blamed before. */
  holdFailed(error: unknown, time: number, dispatching: boolean): void {
    this.blame(error, { stage: dispatching ? 'dispatch' : 'effect', time });
  }

  /** How the outputs of a batch run their effects. */
  effects(time: number, limit: EffectLimit): EffectRunner {
    return new BatchEffects(time, limit, this.#blames, this.#monitors, this.#now);
  }

  #trigger(trigger: StatusTrigger, failure?: { readonly error: unknown }): void {
    this.#tracker.trigger(trigger, this.#now(), failure);
  }

  #end(end: StreamEnd): void {
    this.#monitors?.tell((monitor) => monitor.ended?.(end));
  }

  /** How long until the stream is stalled if nothing completes, in ms. */
  #lookForStall(): number {
    const pendingSince = this.#pendingSince();
    if (pendingSince === undefined) return this.#stallAfter;
    const left = Math.max(pendingSince, this.#progressTime) + this.#stallAfter - this.#now();
    if (left > 0) return left;
    this.#trigger('overdue');
    return this.#stallAfter;
  }

  #watchForStall(delay: number): void {
    const action = scheduleAfter(this.#scheduler, delay, () => {
      this.#timer.remove(action);
      this.#watchForStall(this.#lookForStall());
    });
    this.#timer.add(action);
  }
}
