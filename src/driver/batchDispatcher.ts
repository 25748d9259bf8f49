import type { AnyStateDescription } from '../batch/announcements.js';
import { Batch } from '../batch/batch.js';
import type { BatchRun } from '../batch/batchContext.js';
import { UnclaimedBatchError } from '../batch/errors.js';
import type { EffectRunner } from '../batch/monitoring/effectRunner.js';
import type { RecordErrors } from '../batch/recordErrors.js';
import type { FailedDecoding, Fetched } from '../sources/source.js';
import type { StateRegistry } from '../state/stateRegistry.js';
import { type GivenUp, putBatchAside } from './givenUpRecords.js';
import type { EffectLimit } from './limitedEffect.js';
import type { DriverMonitor } from './monitoring/driverMonitor.js';
import { OpenBatch } from './openBatch.js';
import type { HeldWork } from './ownership.js';
import type { RunningBatch } from './runningBatch.js';

export interface DispatcherParts {
  readonly run: BatchRun;
  /** The states that operators behind the streams have announced. */
  readonly states: ReadonlySet<AnyStateDescription>;
  readonly monitor: DriverMonitor;
  readonly limit: EffectLimit;
  /** The clock for durations, in ms. */
  readonly now: () => number;
  /** Whether a batch that no operation claims fails the stream. */
  readonly refusesUnclaimed: () => boolean;
  readonly held?: Pick<HeldWork, 'dispatched'> | undefined;
}

export interface DispatcherEvents {
  /** Returns whether this source still has a subscriber, once it has received the batch. */
  next(name: string, batch: Batch<unknown>): boolean;
  /** The last hold of a batch has been released. */
  completed(batch: RunningBatch): void;
  fail(error: unknown): void;
}

/** What every batch of a run has in its context. */
export interface RunFields {
  readonly state: StateRegistry;
  readonly zeroTime: number;
  readonly maxInterval: number | undefined;
  readonly recordErrors: RecordErrors | undefined;
}

/** Hands a batch out to the subscribers, whose operators run meanwhile, and follows its holds until none is left. */
export class BatchDispatcher {
  readonly #parts: DispatcherParts;
  readonly #events: DispatcherEvents;
  #statesChecked = false;
  #current: RunningBatch | undefined;

  constructor(parts: DispatcherParts, events: DispatcherEvents) {
    this.#parts = parts;
    this.#events = events;
  }

  /** The time of the batch that is being dispatched, that is, whose operators are running. */
  get dispatching(): number | undefined {
    return this.#current?.time;
  }

  /** How many holds have been taken of that batch. */
  get claims(): number {
    return this.#current?.open?.claims ?? 0;
  }

  /** `givenUp` is what was read for a batch that runs without its records. */
  dispatch(
    batch: RunningBatch,
    fetched: ReadonlyMap<string, Fetched<unknown>>,
    run: RunFields,
    givenUp?: GivenUp,
  ): void {
    const { now } = this.#parts;
    batch.fetched(fetched);
    this.#parts.monitor.read(() => batch.read());
    batch.dispatchTime = now();
    batch.enter('dispatch', batch.dispatchTime);
    const open = this.#open(batch, run);
    batch.open = open;
    const own = open.hold();
    const first = !this.#statesChecked;
    this.#statesChecked = true;
    if (first) run.state.checkAnnounced(this.#parts.states);
    this.#current = batch;
    this.#parts.monitor.dispatch(batch.time, () => {
      if (givenUp) putBatchAside(givenUp, open);
      this.#handOut(open, fetched);
    });
    if (this.#closed) return;
    if (first) run.state.checkOpened();
    const end = now();
    batch.dispatchDelay = end - batch.dispatchTime;
    batch.enter('effect', end);
    this.#parts.held?.dispatched(batch.dispatchDelay);
    own.release();
    this.#current = undefined;
  }

  /** Nobody, or not the subscriber that should have, listened to a source at the batch that is being dispatched. */
  missed(name: string): void {
    const batch = this.#current;
    if (batch && this.#parts.refusesUnclaimed()) this.#fail(batch, new UnclaimedBatchError(batch.time, name));
  }

  get #closed(): boolean {
    return this.#parts.run.closed;
  }

  #open(batch: RunningBatch, fields: RunFields): OpenBatch {
    const { run, now } = this.#parts;
    const { time, interval, inputs, selection } = batch;
    const events = {
      complete: () => this.#completed(batch),
      fail: (error: unknown) => this.#fail(batch, error),
    };
    const { state, zeroTime, maxInterval, recordErrors } = fields;
    const effects = this.#effects(time);
    const given = { time, interval, inputs, selection, run, effects, state, zeroTime, maxInterval, recordErrors };
    return new OpenBatch(given, events, now);
  }

  #handOut(open: OpenBatch, fetched: ReadonlyMap<string, Fetched<unknown>>): void {
    for (const [name, { partitions, failed = [] }] of fetched) {
      this.#putAside(open, failed);
      const heard = this.#events.next(name, new Batch(partitions, open));
      if (this.#closed) return;
      if (!heard) this.missed(name);
    }
  }

  /** What a source could not deserialize. */
  #putAside(open: OpenBatch, failed: readonly FailedDecoding[]): void {
    for (const { error, origin } of failed) {
      const letter = { operator: 'deserialize', record: origin.value, error };
      if (!open.recordErrors) throw error;
      open.recordErrors.putAside(letter, origin, open);
    }
  }

  /** How outputs run their effects, where that needs anything. */
  #effects(time: number): EffectRunner | undefined {
    const { limit, monitor } = this.#parts;
    if (limit.outputTimeout === Infinity && !monitor.watched) return undefined;
    return monitor.effects(time, limit);
  }

  #completed(batch: RunningBatch): void {
    if (this.#closed) return;
    // The driver's own hold was the only one: no operation has claimed the batch.
    const unclaimed = batch.open?.claims === 1 && this.#parts.refusesUnclaimed();
    if (unclaimed) this.#fail(batch, new UnclaimedBatchError(batch.time), true);
    else this.#events.completed(batch);
  }

  #fail(batch: RunningBatch, error: unknown, dispatching = batch.stage === 'dispatch'): void {
    this.#parts.monitor.holdFailed(error, batch.time, dispatching);
    this.#events.fail(error);
  }
}
