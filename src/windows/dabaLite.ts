import { growRing, type NewRing, newRing, type Ring, retains } from './ring.js';
import type { SlidingAggregator } from './slidingAggregator.js';

const BACK = 0;
const MIDDLE = 1;

/**
 * The aggregate of a sliding window under any associative operation, without an inverse, and without expensive slides: at most
 * six calls of `combine` to insert, evict and query (about four on average).
 *
 *     ring:   done        | left          | right   | built     | back
 *             ^ head      ^ left          ^ right   ^ built     ^ split      ^ tail
 *
 *     done, built   each holds the aggregate of itself with all up to split
 *     left          each holds the aggregate of itself with all up to right
 *     right, back   as they were inserted
 *
 * These are two stacks whose flip is spread over the slides before it is needed: each insertion and each eviction moves one
 * element from right to built, and one from left to done. Both are finished when the front before them is used up.
 *
 * Source: DABA Lite, Tangwongsan, Hirzel and Schneider, "In-order sliding-window aggregation in worst-case constant
 * time", VLDB Journal 30, 2021 (arXiv 2009.13768).
 */
export class DabaLite<P> implements SlidingAggregator<P> {
  readonly #combine: (older: P, newer: P) => P;
  readonly #newRing: NewRing<P>;
  readonly #clears: boolean;
  #ring: Ring<P>;
  #mask: number;
  #head = 0;
  #left = 0;
  #right = 0;
  #built = 0;
  #split = 0;
  #tail = 0;
  /** The aggregates of [split, tail) and of [right, split). The value of an empty range is never read. */
  readonly #sums: Ring<P>;

  /** `combine` must be associative; it need not be commutative: older partials come first. */
  constructor(combine: (older: P, newer: P) => P, create: NewRing<P> = newRing) {
    this.#combine = combine;
    this.#newRing = create;
    this.#ring = create(4);
    this.#mask = 3;
    this.#sums = create(2);
    this.#clears = retains(this.#ring);
  }

  get size(): number {
    return this.#tail - this.#head;
  }

  insert(partial: P): void {
    const tail = this.#tail;
    if (tail - this.#head > this.#mask) this.#grow();
    this.#ring[tail & this.#mask] = partial;
    this.#sums[BACK] = tail === this.#split ? partial : this.#combine(this.#sums[BACK] as P, partial);
    this.#tail = tail + 1;
    this.#step();
  }

  evict(count = 1): void {
    for (let i = Math.min(count, this.size); i > 0; i--) {
      if (this.#clears) this.#ring[this.#head & this.#mask] = undefined;
      this.#head++;
      this.#step();
    }
  }

  query(): P | undefined {
    if (this.#head === this.#tail) return undefined;
    const front = this.#ring[this.#head & this.#mask] as P;
    return this.#split === this.#tail ? front : this.#combine(front, this.#sums[BACK] as P);
  }

  clear(): void {
    this.#ring = this.#newRing(4);
    this.#mask = 3;
    this.#sums[BACK] = undefined;
    this.#sums[MIDDLE] = undefined;
    this.#head = 0;
    this.#left = 0;
    this.#right = 0;
    this.#built = 0;
    this.#split = 0;
    this.#tail = 0;
  }

  #grow(): void {
    this.#ring = growRing(this.#ring, this.#newRing, this.#head, this.#tail);
    this.#mask = this.#ring.length - 1;
  }

  /** After each insertion and each eviction. Keeps `left` before `split` while anything is in the window. */
  #step(): void {
    if (this.#left === this.#split) this.#begin();
    const head = this.#head;
    const split = this.#split;
    if (head === split) {
      // Empty: release the last partials.
      this.#sums[BACK] = undefined;
      this.#sums[MIDDLE] = undefined;
      return;
    }
    const ring = this.#ring;
    const mask = this.#mask;
    const right = this.#right;
    if (this.#built !== right) this.#build(ring, mask);
    const left = this.#left;
    if (left !== right) {
      if (right !== split) ring[left & mask] = this.#combine(ring[left & mask] as P, this.#sums[MIDDLE] as P);
      this.#left = left + 1;
    } else {
      // Left is finished, and by now so is right: built elements join the done ones, one by one.
      this.#left = left + 1;
      this.#right = right + 1;
      this.#built++;
    }
  }

  /** The front is finished: the next one begins with it as left and the back as right. */
  #begin(): void {
    this.#right = this.#split;
    this.#left = this.#head;
    this.#built = this.#tail;
    this.#split = this.#tail;
    this.#sums[MIDDLE] = this.#sums[BACK];
  }

  #build(ring: Ring<P>, mask: number): void {
    const built = this.#built - 1;
    this.#built = built;
    if (built + 1 === this.#split) return;
    ring[built & mask] = this.#combine(ring[built & mask] as P, ring[(built + 1) & mask] as P);
  }
}
