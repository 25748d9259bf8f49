import { defer, EMPTY, merge, type Observable, type ObservableInput, tap } from 'rxjs';
import type { BatchContext, BatchRun } from '../batch/batchContext.js';
import type { InputInfo } from '../batch/batchInfo.js';
import type { BatchState } from '../batch/batchState.js';
import { AbandonedBatchError, LateHoldError } from '../batch/errors.js';
import type { BatchWaiter, Hold, LastAct } from '../batch/hold.js';
import type { EffectRunner } from '../batch/monitoring/effectRunner.js';
import type { RecordErrors } from '../batch/recordErrors.js';
import type { TaskInfo } from '../batch/taskInfo.js';

/** How an open batch ends: one of the two is called, once. */
export interface OpenBatchEvents {
  complete(): void;
  fail(error: unknown): void;
}

/** What a context says of its batch. */
export type OpenBatchFields = Omit<BatchContext, 'hold' | 'wait' | 'beforeComplete' | 'task'>;

interface RunningAct {
  readonly work: () => ObservableInput<unknown>;
  settled: boolean;
}

/**
 * The context of one batch, as its owner sees it: counts the holds, and notifies when the last one is released.
 *
 * The owner takes the first hold, so that the batch cannot complete before it has been dispatched.
 */
export class OpenBatch implements BatchContext {
  readonly time: number;
  readonly interval: number;
  readonly maxInterval: number | undefined;
  readonly zeroTime: number;
  readonly inputs: Readonly<Record<string, InputInfo>>;
  readonly state: BatchState;
  readonly selection: string | undefined;
  readonly run: BatchRun;
  readonly effects: EffectRunner | undefined;
  readonly recordErrors: RecordErrors | undefined;

  readonly #events: OpenBatchEvents;
  readonly #now: () => number;
  readonly #aborts = new Set<(cause?: unknown) => void>();
  readonly #waiters = new Set<BatchWaiter>();
  readonly #acts: RunningAct[] = [];
  #working = 0;
  #claims = 0;
  #settled = false;
  #waitingSince = 0;
  #waited = 0;

  constructor(fields: OpenBatchFields, events: OpenBatchEvents, now: () => number) {
    this.time = fields.time;
    this.interval = fields.interval;
    this.maxInterval = fields.maxInterval;
    this.zeroTime = fields.zeroTime;
    this.inputs = fields.inputs;
    this.state = fields.state;
    this.selection = fields.selection;
    this.run = fields.run;
    this.effects = fields.effects;
    this.recordErrors = fields.recordErrors;
    this.#events = events;
    this.#now = now;
  }

  get task(): TaskInfo | undefined {
    return this.run.task;
  }

  /**
   * How many holds have ever been taken: more than the owner's own one means that an operation claimed the batch. A
   * waiter claims nothing: it hands the batch on to operations that may or may not.
   */
  get claims(): number {
    return this.#claims;
  }

  /** Time, in ms, in which only waiters kept the batch open. */
  get waited(): number {
    return this.#waited;
  }

  /** Whether it is complete, has failed, or was aborted. */
  get settled(): boolean {
    return this.#settled;
  }

  hold(aborted?: (cause?: unknown) => void): Hold {
    if (this.#settled) throw new LateHoldError(this.time);
    this.#claims++;
    if (++this.#working === 1 && this.#waiters.size > 0) this.#waited += this.#now() - this.#waitingSince;
    if (aborted) this.#aborts.add(aborted);
    return this.#claim(
      () => this.#workEnded(),
      () => {
        if (aborted) this.#aborts.delete(aborted);
      },
    );
  }

  wait(waiter: BatchWaiter): Hold {
    if (this.#settled) throw new LateHoldError(this.time);
    this.#waiters.add(waiter);
    return this.#claim(
      () => this.#waitEnded(),
      () => this.#waiters.delete(waiter),
    );
  }

  beforeComplete(work: () => ObservableInput<unknown>): LastAct {
    if (this.#settled) throw new LateHoldError(this.time);
    this.#claims++;
    const act: RunningAct = { work, settled: false };
    this.#acts.push(act);
    return {
      abandon: () => {
        if (act.settled) return;
        act.settled = true;
        this.#settled = true;
        this.#events.fail(new AbandonedBatchError(this.time));
      },
    };
  }

  /** Whether something is left to do when every hold is released. */
  get hasLastActs(): boolean {
    return this.#acts.length > 0;
  }

  /** Runs what `beforeComplete` was called with. */
  runLastActs(): Observable<unknown> {
    if (this.#acts.length === 0) return EMPTY;
    const settle = (act: RunningAct) => () => {
      act.settled = true;
    };
    return merge(...this.#acts.map((act) => defer(act.work).pipe(tap({ complete: settle(act), error: settle(act) }))));
  }

  /** Aborts the batch without completing it, because of an error if there is one. */
  close(cause?: unknown): void {
    this.#settled = true;
    for (const act of this.#acts) act.settled = true;
    for (const abort of [...this.#aborts, ...Array.from(this.#waiters, (waiter) => () => waiter.aborted())]) {
      try {
        abort(cause);
      } catch {
        // The others are to be aborted too, and everything closed; the failure of the batch is known already.
      }
    }
    this.#aborts.clear();
    this.#waiters.clear();
  }

  #claim(released: () => void, closed: () => void): Hold {
    let open = true;
    const close = (then: () => void): void => {
      if (!open) return;
      open = false;
      closed();
      then();
    };
    return {
      release: () => close(released),
      fail: (error) => close(() => this.#fail(error)),
      abandon: () => close(() => this.#fail(new AbandonedBatchError(this.time))),
    };
  }

  #workEnded(): void {
    if (--this.#working > 0 || this.#settled) return;
    this.#waitingSince = this.#now();
    if (this.#waiters.size > 0) this.#notifyIdle();
    else this.#complete();
  }

  #waitEnded(): void {
    if (this.#settled || this.#working > 0) return;
    if (this.#waiters.size > 0) {
      this.#notifyIdle();
      return;
    }
    this.#waited += this.#now() - this.#waitingSince;
    this.#complete();
  }

  #complete(): void {
    this.#settled = true;
    this.#events.complete();
  }

  /** Only the waiters of the lowest depth: what they pass on may arrive at the others, whose turn comes when they have left. */
  #notifyIdle(): void {
    const depth = Math.min(...Array.from(this.#waiters, (waiter) => waiter.depth));
    for (const waiter of [...this.#waiters]) {
      // An earlier waiter may have passed the batch on, or let it complete.
      if (this.#settled || this.#working > 0) return;
      if (waiter.depth === depth && this.#waiters.has(waiter)) waiter.idle();
    }
  }

  #fail(error: unknown): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#events.fail(error);
  }
}
