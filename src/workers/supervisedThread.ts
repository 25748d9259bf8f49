import { type SchedulerLike, Subscription } from 'rxjs';
import { backOff, scheduleAfter } from '../backpressure/longDelay.js';
import { InvalidOptionError, ThreadExitedError, TimedOutError } from '../batch/errors.js';
import type { RetryOptions } from '../driver/retryOptions.js';
import type { StopOptions } from '../driver/stopReport.js';
import type { Resolved } from '../options/resolved.js';
import type { HeartbeatKeeper, KeptThread } from './heartbeatKeeper.js';
import { alivePlace, type FromJobThread, maxRelayedMembers } from './jobMessages.js';
import type { JobThread, StartJobThread } from './jobThread.js';
import type { ThreadExit } from './partitionThread.js';
import type { ThreadEvent, ThreadReport, ThreadStatus } from './threadEvents.js';
import { revive } from './thrownError.js';

/** What the supervisor of a thread needs to know. Times in ms. */
export interface SupervisedThreadOptions {
  readonly index: number;
  readonly threads: number;
  readonly url: URL;
  readonly retry: Resolved<RetryOptions>;
  /** How long its event loop may be blocked. */
  readonly blockedTimeout: number;
  readonly scheduler: SchedulerLike;
  /** Sends the heartbeats of its members, where the main thread does. */
  readonly keeper?: ((thread: KeptThread) => HeartbeatKeeper) | undefined;
}

/** What the supervisor of a thread tells. */
export interface SupervisedThreadEvents {
  happened(event: ThreadEvent): void;
  /** It has ended and is not started again; with the error, when that is not by its own will. */
  ended(failure?: { readonly error: unknown }): void;
}

/** How often the main thread checks that the event loop of a thread turns. */
const maxLookIntervalMs = 1_000;
/** How long a thread that is done may take to end by itself, before it is ended. */
const exitMarginMs = 2_000;

/** One thread of a job: starts it, starts it again when it ends by itself, and stops it. */
export class SupervisedThread {
  readonly #start: StartJobThread;
  readonly #options: SupervisedThreadOptions;
  readonly #events: SupervisedThreadEvents;
  #status: ThreadStatus = 'starting';
  #thread: JobThread | undefined;
  #timers = new Subscription();
  #startedAt = 0;
  /** Since it last ran long enough. */
  #failures = 0;
  #restarts = 0;
  #error: unknown;
  /** What its end is because of, where that is known before it has ended. */
  #ending: { readonly error?: unknown } | undefined;
  #terminated = false;
  readonly #stopped: ((report: ThreadReport) => void)[] = [];

  constructor(start: StartJobThread, options: SupervisedThreadOptions, events: SupervisedThreadEvents) {
    this.#start = start;
    this.#options = options;
    this.#events = events;
  }

  get status(): ThreadStatus {
    return this.#status;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** What it last failed by. */
  get error(): unknown {
    return this.#error;
  }

  start(): void {
    const { index, threads, scheduler, keeper } = this.#options;
    const clocks = new BigInt64Array(new SharedArrayBuffer(8 * (1 + maxRelayedMembers)));
    this.#timers = new Subscription();
    this.#ending = undefined;
    this.#startedAt = scheduler.now();
    const kept = keeper?.({ clocks, answer: (answer) => thread.send(answer) });
    const data = { index, threads, restarts: this.#restarts, clocks, relaysHeartbeats: kept !== undefined };
    const thread = this.#start(data, {
      said: (message) => {
        if (thread === this.#thread) this.#said(message, kept);
      },
      exited: (exit) => {
        kept?.gone();
        if (thread === this.#thread) this.#exited(exit);
      },
    });
    this.#thread = thread;
    this.#become('starting');
    this.#watch(clocks);
  }

  /** Ends it gracefully, or in the middle after `limit` ms, and calls `stopped`. */
  stop(options: StopOptions, limit: number, stopped: (report: ThreadReport) => void): void {
    if (this.#status === 'ended' || this.#status === 'failed') {
      stopped(this.#report);
      return;
    }
    this.#stopped.push(stopped);
    if (this.#status === 'stopping') return;
    const wasRestarting = this.#status === 'restarting';
    this.#become('stopping');
    if (wasRestarting) {
      this.#finish();
      return;
    }
    this.#thread?.send({ type: 'stop', options });
    this.#endAfter(limit, true);
  }

  // ---- what the thread says

  #said(message: FromJobThread, kept: HeartbeatKeeper | undefined): void {
    switch (message.type) {
      case 'running':
        if (this.#status === 'starting') this.#become('running');
        return;
      case 'ended':
        this.#ending = {};
        this.#endAfter(exitMarginMs, false);
        return;
      case 'failed':
        this.#ending = { error: revive(message.error) };
        this.#endAfter(exitMarginMs, false);
        return;
      case 'unusable':
        this.#ending = { error: new InvalidOptionError('runInThreads', 'url', this.#options.url.href, message.rule) };
        this.#thread?.end();
        return;
      default:
        kept?.handle(message);
    }
  }

  #endAfter(limit: number, isGraceful: boolean): void {
    const { scheduler } = this.#options;
    const end = () => {
      if (isGraceful) this.#terminated = true;
      this.#thread?.end();
    };
    this.#timers.add(scheduleAfter(scheduler, limit, end));
  }

  /** A thread whose event loop does not turn would stay a member of its group for ever. By counting, since the whole process may be stopped. */
  #watch(clocks: BigInt64Array): void {
    const { blockedTimeout, scheduler, index } = this.#options;
    if (blockedTimeout === Infinity) return;
    const interval = Math.min(maxLookIntervalMs, blockedTimeout / 4);
    let [seen, blocked] = [0n, 0];
    const look = () => {
      const alive = Atomics.load(clocks, alivePlace);
      blocked = alive === seen ? blocked + interval : 0;
      seen = alive;
      if (blocked >= blockedTimeout) {
        this.#ending = { error: new TimedOutError(`the event loop of thread ${index}`, blockedTimeout) };
        this.#thread?.end();
      } else this.#timers.add(scheduleAfter(scheduler, interval, look));
    };
    this.#timers.add(scheduleAfter(scheduler, interval, look));
  }

  // ---- its end

  #exited({ exitCode, error }: ThreadExit): void {
    this.#thread = undefined;
    this.#timers.unsubscribe();
    const ending = this.#ending;
    if (this.#status === 'stopping' || (ending && !('error' in ending))) {
      if (ending && 'error' in ending) this.#error = ending.error;
      this.#finish(ending);
      return;
    }
    const { index, retry, scheduler } = this.#options;
    const ranFor = scheduler.now() - this.#startedAt;
    if (ranFor > retry.maxDelay) this.#failures = 0;
    const cause = error === undefined ? undefined : { cause: error };
    const times = this.#failures + 1;
    this.#error = ending ? ending.error : new ThreadExitedError(`thread ${index}`, times, exitCode, cause);
    const isFinal = (this.#error as { readonly retriable?: unknown } | undefined)?.retriable === false;
    if (isFinal || this.#failures >= retry.count) {
      this.#become('failed', { error: this.#error });
      this.#events.ended({ error: this.#error });
      return;
    }
    const pause = backOff(retry, this.#failures++);
    this.#restarts++;
    this.#become('restarting', { pause, error: this.#error });
    this.#timers = scheduleAfter(scheduler, pause, () => this.start());
  }

  /** `failure` is what stopping has failed by. */
  #finish(failure: { readonly error?: unknown } = {}): void {
    this.#timers.unsubscribe();
    this.#become('ended', failure);
    for (const stopped of this.#stopped.splice(0)) stopped({ ...this.#report, ...failure });
    this.#events.ended();
  }

  get #report(): ThreadReport {
    return { index: this.#options.index, terminated: this.#terminated };
  }

  #become(status: ThreadStatus, more: Pick<ThreadEvent, 'pause' | 'error'> = {}): void {
    this.#status = status;
    const { index, scheduler } = this.#options;
    this.#events.happened({ type: status, index, at: scheduler.now(), restarts: this.#restarts, ...more });
  }
}
