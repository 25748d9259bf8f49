/** Part of a token that a sum may lack because of rounding alone. It is owed, not granted: nothing accumulates. */
const roundingTokens = 1e-6;

/**
 * How long to wait for a rate to be kept: tokens come in at `rate` a second up to `burst`, and each record takes one.
 *
 * Pure arithmetic: times, in ms, are given to it. Time that is given out of order counts as no time passed.
 */
export class TokenBucket {
  #rate: number;
  #burst: number;
  #tokens: number;
  #time: number;

  /** Begins full. */
  constructor(rate: number, burst: number, now: number) {
    this.#rate = rate;
    this.#burst = burst;
    this.#tokens = burst;
    this.#time = now;
  }

  /** Takes `count` tokens when they are there (or when the bucket is full and can never hold more). */
  take(now: number, count: number): boolean {
    this.#refill(now);
    if (this.#missing(count) > 0) return false;
    this.#tokens -= count;
    return true;
  }

  /** Takes as many whole tokens as are there, `max` at most, and returns how many. */
  takeUpTo(now: number, max: number): number {
    this.#refill(now);
    const count = Math.max(Math.min(max, Math.floor(this.#tokens + roundingTokens)), 0);
    this.#tokens -= count;
    return count;
  }

  /** From now on another rate. What came in so far stays, within the new burst. */
  change(rate: number, burst: number, now: number): void {
    this.#refill(now);
    this.#rate = rate;
    this.#burst = burst;
    this.#tokens = Math.min(this.#tokens, burst);
  }

  /** How long, in whole ms, until `count` tokens can be taken. */
  wait(now: number, count: number): number {
    this.#refill(now);
    return Math.ceil((this.#missing(count) / this.#rate) * 1_000);
  }

  #missing(count: number): number {
    const missing = Math.min(count, this.#burst) - this.#tokens;
    return missing <= roundingTokens ? 0 : missing;
  }

  #refill(now: number): void {
    const elapsed = Math.max(now - this.#time, 0);
    this.#time = Math.max(now, this.#time);
    this.#tokens = Math.min(this.#tokens + (elapsed * this.#rate) / 1_000, this.#burst);
  }
}
