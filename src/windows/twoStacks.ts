import { clearRing, growRing, type NewRing, newRing, type Ring, retains } from './ring.js';
import type { SlidingAggregator } from './slidingAggregator.js';

/**
 * The aggregate of a sliding window under any associative operation, without an inverse: three calls of `combine` per slide on
 * average, whatever the length of the window.
 *
 *     ring:   front                     | back
 *             v1+..+v4 v2+..+v4 v3+v4 v4 | v5  v6  v7        back total = v5+v6+v7
 *             ^ head                    ^ split            ^ tail
 *
 * The front contains the aggregate of each element with all front elements after it, so the aggregate of the window is the first
 * of these combined with the total of the back. When the front is used up, the back becomes the new front, in one pass. If that
 * pass takes too long for one slide, use `DabaLite`, which spreads it.
 *
 * Source: "two-stacks lite", IBM sliding-window-aggregators; Adamax, Stack Overflow 2011.
 */
export class TwoStacks<P> implements SlidingAggregator<P> {
  readonly #combine: (older: P, newer: P) => P;
  readonly #newRing: NewRing<P>;
  readonly #clears: boolean;
  #ring: Ring<P>;
  #mask: number;
  #head = 0;
  #split = 0;
  #tail = 0;
  /** The total of the back, in a ring of its own: a number in a field that may be `undefined` would go to the heap. */
  readonly #back: Ring<P>;

  /** `combine` must be associative; it need not be commutative: older partials come first. */
  constructor(combine: (older: P, newer: P) => P, create: NewRing<P> = newRing) {
    this.#combine = combine;
    this.#newRing = create;
    this.#ring = create(4);
    this.#mask = 3;
    this.#back = create(1);
    this.#clears = retains(this.#ring);
  }

  get size(): number {
    return this.#tail - this.#head;
  }

  insert(partial: P): void {
    const tail = this.#tail;
    if (tail - this.#head > this.#mask) this.#grow();
    this.#ring[tail & this.#mask] = partial;
    this.#back[0] = tail === this.#split ? partial : this.#combine(this.#back[0] as P, partial);
    this.#tail = tail + 1;
  }

  evict(count = 1): void {
    const tail = this.#tail;
    const head = Math.min(this.#head + count, tail);
    if (head > this.#split) this.#flip(head);
    if (this.#clears) clearRing(this.#ring, this.#head, head);
    this.#head = head;
    if (head === tail) {
      this.#split = head;
      this.#back[0] = undefined;
    }
  }

  query(): P | undefined {
    const head = this.#head;
    if (head === this.#tail) return undefined;
    if (head === this.#split) return this.#back[0];
    const front = this.#ring[head & this.#mask] as P;
    return this.#split === this.#tail ? front : this.#combine(front, this.#back[0] as P);
  }

  clear(): void {
    this.#ring = this.#newRing(4);
    this.#mask = 3;
    this.#back[0] = undefined;
    this.#head = 0;
    this.#split = 0;
    this.#tail = 0;
  }

  #grow(): void {
    this.#ring = growRing(this.#ring, this.#newRing, this.#head, this.#tail);
    this.#mask = this.#ring.length - 1;
  }

  /** Turns [`head`, tail) into the front, without the elements about to be evicted. */
  #flip(head: number): void {
    const ring = this.#ring;
    const mask = this.#mask;
    const combine = this.#combine;
    let suffix = ring[(this.#tail - 1) & mask] as P;
    for (let i = this.#tail - 2; i >= head; i--) {
      suffix = combine(ring[i & mask] as P, suffix);
      ring[i & mask] = suffix;
    }
    this.#split = this.#tail;
    this.#back[0] = undefined;
  }
}
