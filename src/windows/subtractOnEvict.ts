import { clearRing, growRing, type NewRing, newRing, type Ring, retains } from './ring.js';
import type { SlidingAggregator } from './slidingAggregator.js';

/** The functions of an `InvertibleAggregator` that work on partials. */
export interface InvertibleOperation<P> {
  readonly combine: (older: P, newer: P) => P;
  readonly invert: (value: P, older: P) => P;
}

/**
 * The aggregate of a sliding window under an operation with an inverse: one call to add, one to subtract, none to query. The
 * partials that leave together are combined first, then subtracted with one call.
 *
 * The value drifts if the inverse is not exact, as with floating-point numbers; `CompensatedSum` and the exact `sum` do not.
 *
 * Source: subtract-on-evict, IBM sliding-window-aggregators; Spark's `ReducedWindowedDStream`.
 */
export class SubtractOnEvict<P> implements SlidingAggregator<P> {
  readonly #operation: InvertibleOperation<P>;
  readonly #newRing: NewRing<P>;
  readonly #clears: boolean;
  #ring: Ring<P>;
  #head = 0;
  #tail = 0;
  /** In a ring of its own: a number in a field that may be `undefined` would go to the heap. */
  readonly #value: Ring<P>;

  constructor(operation: InvertibleOperation<P>, create: NewRing<P> = newRing) {
    this.#operation = operation;
    this.#newRing = create;
    this.#ring = create(4);
    this.#value = create(1);
    this.#clears = retains(this.#ring);
  }

  get size(): number {
    return this.#tail - this.#head;
  }

  insert(partial: P): void {
    if (this.#tail - this.#head === this.#ring.length) {
      this.#ring = growRing(this.#ring, this.#newRing, this.#head, this.#tail);
    }
    this.#ring[this.#tail & (this.#ring.length - 1)] = partial;
    this.#value[0] = this.#tail === this.#head ? partial : this.#operation.combine(this.#value[0] as P, partial);
    this.#tail++;
  }

  evict(count = 1): void {
    const head = Math.min(this.#head + count, this.#tail);
    if (head === this.#tail) this.#value[0] = undefined;
    else if (head > this.#head) this.#value[0] = this.#operation.invert(this.#value[0] as P, this.#leaving(head));
    if (this.#clears) clearRing(this.#ring, this.#head, head);
    this.#head = head;
  }

  query(): P | undefined {
    return this.#head === this.#tail ? undefined : this.#value[0];
  }

  clear(): void {
    this.#ring = this.#newRing(4);
    this.#value[0] = undefined;
    this.#head = 0;
    this.#tail = 0;
  }

  /** The aggregate of what leaves when the window begins at `head`. */
  #leaving(head: number): P {
    const mask = this.#ring.length - 1;
    let old = this.#ring[this.#head & mask] as P;
    for (let i = this.#head + 1; i < head; i++) old = this.#operation.combine(old, this.#ring[i & mask] as P);
    return old;
  }
}
