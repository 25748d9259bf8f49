import { DabaLite } from './dabaLite.js';
import { holdsNonFinite } from './heldNumbers.js';
import { clearRing, growRing, newRing, type Ring } from './ring.js';
import type { SlidingAggregator } from './slidingAggregator.js';
import type { InvertibleOperation } from './subtractOnEvict.js';
import { TwoStacks } from './twoStacks.js';

/**
 * The aggregate of a sliding window under an operation whose inverse is not exact, as with floating-point numbers.
 *
 * Subtract-on-evict with a refresh: what enters is also aggregated separately, and takes over when everything older has left, so
 * an error lasts at most one window. That costs one more call of `combine` per slide and no pause. While the window contains a
 * number that cannot be subtracted (NaN or an infinity, alone or in a pair, an array or a plain object), no inverse is used.
 */
export class RefreshedSubtract<P> implements SlidingAggregator<P> {
  readonly #operation: InvertibleOperation<P>;
  readonly #latency: 'average' | 'worst-case' | undefined;
  #ring: Ring<P> = newRing(4);
  #head = 0;
  /** Partials from it on are aggregated in `#fresh`. */
  #split = 0;
  #tail = 0;
  #value: P | undefined;
  #fresh: P | undefined;
  /** One more than the index of the newest partial that cannot be subtracted. */
  #stuck = 0;
  /** The whole window, while it contains such a partial. */
  #sliding: SlidingAggregator<P> | undefined;

  constructor(operation: InvertibleOperation<P>, latency?: 'average' | 'worst-case') {
    this.#operation = operation;
    this.#latency = latency;
  }

  get size(): number {
    return this.#tail - this.#head;
  }

  insert(partial: P): void {
    if (this.size === this.#ring.length) this.#ring = growRing(this.#ring, newRing<P>, this.#head, this.#tail);
    this.#ring[this.#tail & (this.#ring.length - 1)] = partial;
    this.#tail++;
    if (holdsNonFinite(partial)) this.#stick();
    if (this.#sliding) {
      if (this.#sliding.size < this.size) this.#sliding.insert(partial);
      return;
    }
    const { combine } = this.#operation;
    this.#value = this.size === 1 ? partial : combine(this.#value as P, partial);
    this.#fresh = this.#split === this.#tail - 1 ? partial : combine(this.#fresh as P, partial);
  }

  evict(count = 1): void {
    const head = Math.min(this.#head + count, this.#tail);
    if (head === this.#head) return;
    if (!this.#sliding && head < this.#tail) this.#subtract(head);
    this.#sliding?.evict(head - this.#head);
    clearRing(this.#ring, this.#head, head);
    this.#head = head;
    if (head === this.#tail || (this.#sliding && head >= this.#stuck)) this.#begin();
  }

  query(): P | undefined {
    return this.#sliding ? this.#sliding.query() : this.#value;
  }

  clear(): void {
    this.#head = this.#tail;
    this.#ring = newRing(4);
    this.#begin();
  }

  /** Moves the beginning of the window to `head`; the window is not empty then. */
  #subtract(head: number): void {
    const { invert } = this.#operation;
    if (head < this.#split) {
      this.#value = invert(this.#value as P, this.#between(this.#head, head));
      return;
    }
    const fresh = this.#fresh as P;
    this.#value = head === this.#split ? fresh : invert(fresh, this.#between(this.#split, head));
    this.#split = this.#tail;
    this.#fresh = undefined;
  }

  #between(from: number, until: number): P {
    const mask = this.#ring.length - 1;
    let partial = this.#ring[from & mask] as P;
    for (let i = from + 1; i < until; i++) partial = this.#operation.combine(partial, this.#ring[i & mask] as P);
    return partial;
  }

  /** The window is empty, or the last partial that cannot be subtracted has left it. */
  #begin(): void {
    this.#value = this.#head === this.#tail ? undefined : this.query();
    this.#sliding = undefined;
    this.#fresh = undefined;
    this.#split = this.#tail;
  }

  #stick(): void {
    this.#stuck = this.#tail;
    if (this.#sliding) return;
    const { combine } = this.#operation;
    this.#sliding = this.#latency === 'worst-case' ? new DabaLite(combine) : new TwoStacks(combine);
    const mask = this.#ring.length - 1;
    for (let i = this.#head; i < this.#tail; i++) this.#sliding.insert(this.#ring[i & mask] as P);
  }
}
