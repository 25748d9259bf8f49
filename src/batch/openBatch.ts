import type { BatchContext } from './batchContext.js';
import type { InputInfo } from './batchInfo.js';
import type { BatchOrigin } from './batchOrigin.js';
import type { BatchState } from './batchState.js';
import { AbandonedBatchError, LateHoldError } from './errors.js';
import type { Hold, HoldKind } from './hold.js';
import type { BatchMonitoring } from './monitoring/batchMonitoring.js';

/** What an open batch tells its owner, each at most once and only one of the two. */
export interface OpenBatchEvents {
  complete(): void;
  fail(error: unknown): void;
}

export interface OpenBatchFields extends Omit<BatchContext, 'hold'> {
  /** The driver, for those who wait for other batches of it. */
  readonly origin?: BatchOrigin | undefined;
}

/**
 * The context of one batch, seen from its owner: counts the holds, and says when the last one is gone.
 *
 * Whoever creates it takes the first hold, so that the batch cannot complete before it has been handed out.
 */
export class OpenBatch implements BatchContext {
  readonly time: number;
  readonly interval: number;
  readonly maxInterval: number | undefined;
  readonly zeroTime: number;
  readonly inputs: Readonly<Record<string, InputInfo>>;
  readonly state: BatchState;
  readonly monitoring: BatchMonitoring | undefined;
  readonly origin: BatchOrigin | undefined;

  readonly #events: OpenBatchEvents;
  readonly #now: () => number;
  readonly #aborts = new Set<(cause?: unknown) => void>();
  readonly #idleListeners = new Set<() => void>();
  #holds = 0;
  #claims = 0;
  #working = 0;
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
    this.monitoring = fields.monitoring;
    this.origin = fields.origin;
    this.#events = events;
    this.#now = now;
  }

  /**
   * How many `'work'` holds have ever been taken: more than the owner's own one means that somebody claimed the batch. To
   * wait is not to claim: whoever waits hands the batch on to others, who may or may not.
   */
  get claims(): number {
    return this.#claims;
  }

  /** Time, in ms, in which only `'wait'` holds kept the batch open. */
  get waited(): number {
    return this.#waited;
  }

  hold(kind: HoldKind = 'work', aborted?: (cause?: unknown) => void): Hold {
    if (this.#settled) throw new LateHoldError(this.time);
    this.#holds++;
    if (kind === 'work') this.#claims++;
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

  /**
   * Calls the listener each time only `'wait'` holds are left. Nobody works on the batch then, so no more can come of it
   * than what has come. Gives the function that ends listening.
   */
  onIdle(listener: () => void): () => void {
    this.#idleListeners.add(listener);
    return () => this.#idleListeners.delete(listener);
  }

  /** Gives the batch up without completing it, because of an error where there is one. */
  close(cause?: unknown): void {
    this.#settled = true;
    for (const abort of this.#aborts) {
      try {
        abort(cause);
      } catch {
        // Others are to be given up too, and everything closed; that the batch has failed is known already.
      }
    }
    this.#aborts.clear();
    this.#idleListeners.clear();
  }

  #release(kind: HoldKind): void {
    this.#holds--;
    if (kind === 'work' && --this.#working === 0) this.#waitingSince = this.#now();
    if (this.#settled) return;
    if (this.#holds > 0) {
      if (this.#working === 0) this.#tellIdle();
      return;
    }
    if (kind === 'wait') this.#waited += this.#now() - this.#waitingSince;
    this.#settled = true;
    this.#events.complete();
  }

  #tellIdle(): void {
    for (const listener of [...this.#idleListeners]) {
      // An earlier listener may have passed the batch on, or let it complete.
      if (this.#settled || this.#working > 0) return;
      if (this.#idleListeners.has(listener)) listener();
    }
  }

  #fail(error: unknown): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#events.fail(error);
  }
}
