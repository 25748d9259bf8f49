import { setTimeout as sleep } from 'node:timers/promises';
import { CheckpointError } from '../batch/errors.js';
import { hasEnded, isRunning, type LockOwner, nameOf } from './lockOwner.js';
import { type Acquisition, defaultLeaseTimeMs } from './takeover.js';

/** The owner of a store, where that is in this process: usually a stream that lacks `share()`. */
export const sibling =
  'another stream of this process, or another subscription of the same stream: share() it, to subscribe to it more than once';

const minPollMs = 20;
const maxPollMs = 500;
const pollsPerLease = 20;

/**
 * Watches the owner of a store until it may be taken over. No clocks of two machines are compared: the owner counts its signs of
 * life, and here is measured how long that count stays the same.
 */
export class LeaseWatch {
  readonly #location: string;
  readonly #acquisition: Acquisition;
  #seen: LockOwner | undefined;
  #beats = false;
  #silentMs = 0;
  #lookedAt = 0;
  #announced: string | undefined;

  /** @param location of the store, for messages */
  constructor(location: string, acquisition: Acquisition) {
    this.#location = location;
    this.#acquisition = acquisition;
  }

  /**
   * Whether the store may be taken over from this owner now.
   *
   * @throws {CheckpointError} when it is to be refused
   */
  isOver(owner: LockOwner): boolean {
    const { takeover, waiting } = this.#acquisition;
    this.#look(owner);
    const { leaseTime = defaultLeaseTimeMs, beat } = owner;
    const silent = beat !== undefined && this.#silentMs >= leaseTime;
    if (takeover === 'force' || hasEnded(owner) || silent) return true;
    if (takeover === 'refuse' && (this.#beats || isRunning(owner))) throw inUse(this.#location, nameOf(owner));
    const reason = `waiting for ${this.#location}, which is in use by ${nameOf(owner)}`;
    if (reason !== this.#announced) waiting?.(reason);
    this.#announced = reason;
    return false;
  }

  /** Waits before the next look. Rejects when the signal has it ended. */
  async pause(): Promise<void> {
    const { signal } = this.#acquisition;
    await sleep(this.#pollMs, undefined, signal && { signal });
  }

  get #pollMs(): number {
    const { leaseTime = defaultLeaseTimeMs } = this.#seen ?? {};
    return Math.min(Math.max(leaseTime / pollsPerLease, minPollMs), maxPollMs);
  }

  #look(owner: LockOwner): void {
    const now = performance.now();
    // A newcomer that was suspended itself has not watched meanwhile.
    const watchedMs = Math.min(now - this.#lookedAt, 2 * this.#pollMs);
    this.#lookedAt = now;
    const same = this.#seen?.token === owner.token;
    if (same && this.#seen?.beat === owner.beat) {
      this.#silentMs += watchedMs;
      return;
    }
    this.#beats = same;
    this.#seen = owner;
    this.#silentMs = 0;
  }
}

export function inUse(location: string, owner: string): CheckpointError {
  return new CheckpointError(location, 'open', { cause: new Error(`it is in use by ${owner}`) });
}
