import type { BatchContext } from './batchContext.js';
import type { InputInfo } from './batchInfo.js';
import type { BatchState } from './batchState.js';
import { AbandonedBatchError, LateHoldError } from './errors.js';
import type { Hold, HoldKind } from './hold.js';

/** What an open batch tells its owner, each at most once and only one of the two. */
export interface OpenBatchEvents {
  complete(): void;
  fail(error: unknown): void;
}

export interface OpenBatchFields {
  readonly time: number;
  readonly interval: number;
  readonly zeroTime: number;
  readonly inputs: Readonly<Record<string, InputInfo>>;
  readonly state: BatchState;
}

/**
 * The context of one batch, seen from its owner: counts the holds, and says when the last one is gone.
 *
 * Whoever creates it takes the first hold, so that the batch cannot complete before it has been handed out.
 */
export class OpenBatch implements BatchContext {
  readonly time: number;
  readonly interval: number;
  readonly zeroTime: number;
  readonly inputs: Readonly<Record<string, InputInfo>>;
  readonly state: BatchState;

  readonly #events: OpenBatchEvents;
  readonly #now: () => number;
  readonly #aborts = new Set<() => void>();
  #holds = 0;
  #taken = 0;
  #working = 0;
  #settled = false;
  #waitingSince = 0;
  #waited = 0;

  constructor(fields: OpenBatchFields, events: OpenBatchEvents, now: () => number) {
    this.time = fields.time;
    this.interval = fields.interval;
    this.zeroTime = fields.zeroTime;
    this.inputs = fields.inputs;
    this.state = fields.state;
    this.#events = events;
    this.#now = now;
  }

  /** How many holds have ever been taken: more than the owner's own one means that somebody claimed the batch. */
  get holdsTaken(): number {
    return this.#taken;
  }

  /** Time, in ms, in which only `'wait'` holds kept the batch open. */
  get waited(): number {
    return this.#waited;
  }

  hold(kind: HoldKind = 'work', aborted?: () => void): Hold {
    if (this.#settled) throw new LateHoldError(this.time);
    this.#taken++;
    this.#holds++;
    if (kind === 'work' && ++this.#working === 1 && this.#holds > 1) this.#waited += this.#now() - this.#waitingSince;
    let open = true;
    const close = (): boolean => {
      if (!open) return false;
      open = false;
      if (aborted) this.#aborts.delete(aborted);
      return true;
    };
    if (aborted) this.#aborts.add(aborted);
    return {
      release: () => {
        if (close()) this.#release(kind);
      },
      fail: (error) => {
        if (close()) this.#fail(error);
      },
      abandon: () => {
        if (close()) this.#fail(new AbandonedBatchError(this.time));
      },
    };
  }

  /** Gives the batch up without completing it. */
  close(): void {
    this.#settled = true;
    for (const abort of this.#aborts) abort();
    this.#aborts.clear();
  }

  #release(kind: HoldKind): void {
    this.#holds--;
    if (kind === 'work' && --this.#working === 0) this.#waitingSince = this.#now();
    if (this.#holds > 0 || this.#settled) return;
    if (kind === 'wait') this.#waited += this.#now() - this.#waitingSince;
    this.#settled = true;
    this.#events.complete();
  }

  #fail(error: unknown): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#events.fail(error);
  }
}
