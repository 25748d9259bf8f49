import type { Observer, SchedulerLike } from 'rxjs';
import type { ReceiverState, ReceiverStatus } from '../../batch/monitoring/receiverStatus.js';
import { Alarm } from './alarm.js';
import { intakeOf } from './intakeOf.js';
import type { Arrival, Intake, Receiver } from './receiver.js';
import type { ReceiverRestart } from './receiverOptions.js';
import { delayOf, type RestartPolicy } from './restartPolicy.js';

/** What a supervisor reports to the source whose receiver it watches. */
export interface SupervisorEvents<T> {
  room(): boolean;
  /** Where the receiver goes on when it is started. */
  resumeFrom(): string | undefined;
  store(arrival: Arrival<T>, failed: (error: unknown) => void): void;
  /** Nothing more will be received, because of the error if there is one. Called once. */
  ended(end: { readonly error?: unknown }): void;
  /** Called at each change of the status. */
  changed(status: ReceiverStatus): void;
}

export interface SupervisorOptions {
  readonly index: number;
  readonly policy: RestartPolicy | undefined;
  readonly restartObserver: Partial<Observer<ReceiverRestart>> | undefined;
  readonly statusObserver: Partial<Observer<ReceiverStatus>> | undefined;
  readonly scheduler: SchedulerLike;
}

/**
 * Starts a receiver, and starts it again when it fails:
 *
 *     connecting -> running -> waiting -> connecting -> ...
 *         |            |          |
 *         +------------+----------+--> failed, complete, stopped
 */
export class Supervisor<T> {
  readonly #receiver: Receiver<T>;
  readonly #options: SupervisorOptions;
  readonly #events: SupervisorEvents<T>;
  #status: ReceiverStatus;
  #intake: Intake | undefined;
  #restart: Alarm | undefined;
  /** Restarts since it last ran for long enough. */
  #inARow = 0;
  /** When it last began to run. */
  #runningSince: number | undefined;

  constructor(receiver: Receiver<T>, options: SupervisorOptions, events: SupervisorEvents<T>) {
    this.#receiver = receiver;
    this.#options = options;
    this.#events = events;
    this.#status = { index: options.index, state: 'connecting', since: options.scheduler.now(), restarts: 0 };
  }

  get status(): ReceiverStatus {
    return this.#status;
  }

  /** Whether nothing more will be received. */
  get ended(): boolean {
    return ['failed', 'complete', 'stopped'].includes(this.#status.state);
  }

  start(): void {
    if (this.ended) return;
    this.#restart = undefined;
    this.#runningSince = undefined;
    if (!this.#becomes('connecting')) return;
    const intake: Intake = intakeOf(this.#receiver, {
      index: this.#options.index,
      resumeFrom: this.#events.resumeFrom(),
      room: () => this.#events.room(),
      store: (arrival) => {
        this.#connected();
        this.#events.store(arrival, (error) => this.failed(error));
      },
      afterTurn: (ended) => void this.#options.scheduler.schedule(ended),
      connected: () => this.#connected(),
      reportError: (error) => {
        this.#becomes(this.#status.state, { error });
      },
      complete: () => this.#closed(),
      fail: (error) => this.failed(error),
    });
    this.#intake = intake;
    intake.start();
  }

  /** There may be room again. */
  resume(): void {
    this.#intake?.resume();
  }

  /** Leaves the receiver permanently. */
  stop(): void {
    this.#restart?.cancel();
    this.#intake?.close();
    if (!this.ended) this.#becomes('stopped');
  }

  /** The receiver failed, or what it has called when a record was stored did: then it may still be running. */
  failed(error: unknown): void {
    if (this.ended || this.#status.state === 'waiting') return;
    this.#intake?.close();
    if (!this.#startsAgain({ error })) this.#end('failed', { error });
  }

  #closed(): void {
    if (this.ended) return;
    const again = this.#options.policy?.onClose === 'restart' && this.#startsAgain({ error: undefined });
    if (!again) this.#end('complete', {});
  }

  #end(state: 'failed' | 'complete', end: { readonly error?: unknown }): void {
    if (!this.ended && this.#becomes(state, end)) this.#events.ended(end);
  }

  #connected(): void {
    if (this.#status.state !== 'connecting') return;
    this.#runningSince = this.#options.scheduler.now();
    this.#becomes('running');
  }

  /** Returns whether it is going to be started again, or has ended meanwhile. */
  #startsAgain({ error }: { readonly error: unknown }): boolean {
    const { policy, restartObserver, scheduler } = this.#options;
    if (!policy) return false;
    const now = scheduler.now();
    if (this.#runningSince !== undefined && now - this.#runningSince >= policy.resetAfter) this.#inARow = 0;
    if (this.#inARow >= policy.count) return false;
    const delay = delayOf(policy, ++this.#inARow);
    const restarts = this.#status.restarts + 1;
    try {
      restartObserver?.next?.({ error, restarts });
    } catch (thrown) {
      this.#end('failed', { error: thrown });
      return true;
    }
    // The observer may have ended the stream.
    if (this.ended || !this.#becomes('waiting', { restarts, retryAt: now + delay, error })) return true;
    this.#restart = new Alarm(scheduler, delay, () => this.start());
    return true;
  }

  /** Returns whether it goes on: an error that an observer throws fails the receiver permanently. */
  #becomes(state: ReceiverState, more: Partial<ReceiverStatus> = {}): boolean {
    const { index, restarts, error, since, state: before } = this.#status;
    const lasting = error === undefined ? {} : { error };
    this.#status = {
      index,
      state,
      since: state === before && state !== 'connecting' ? since : this.#options.scheduler.now(),
      restarts,
      ...lasting,
      ...more,
    };
    this.#events.changed(this.#status);
    try {
      this.#options.statusObserver?.next?.(this.#status);
    } catch (thrown) {
      this.#intake?.close();
      this.#status = { ...this.#status, state: 'failed', error: thrown };
      this.#events.ended({ error: thrown });
      return false;
    }
    return true;
  }
}
