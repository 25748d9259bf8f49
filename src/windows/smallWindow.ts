import type { SlidingAggregator } from './slidingAggregator.js';

/**
 * The aggregate of a sliding window of at most four partials, computed again at each query: for windows by key, where most keys
 * are in only a few panes. The partials are fields, which take a third of the memory of an array.
 */
export class SmallWindow<P> implements SlidingAggregator<P> {
  static readonly capacity = 4;

  readonly #combine: (older: P, newer: P) => P;
  #size = 2;
  // Oldest first. An unused field has the value of another, so that the fields keep their representation.
  #first: P;
  #second: P;
  #third: P;
  #fourth: P;

  constructor(combine: (older: P, newer: P) => P, older: P, newer: P) {
    this.#combine = combine;
    this.#first = older;
    this.#second = newer;
    this.#third = newer;
    this.#fourth = newer;
  }

  get size(): number {
    return this.#size;
  }

  /** Call it only if fewer than `capacity` partials are in the window. */
  insert(partial: P): void {
    const size = this.#size++;
    if (size === 0) this.#first = partial;
    else if (size === 1) this.#second = partial;
    else if (size === 2) this.#third = partial;
    else this.#fourth = partial;
  }

  evict(count = 1): void {
    for (let i = Math.min(count, this.#size); i > 0; i--) {
      this.#first = this.#second;
      this.#second = this.#third;
      this.#third = this.#fourth;
      this.#size--;
    }
  }

  query(): P | undefined {
    const size = this.#size;
    if (size === 0) return undefined;
    let result = this.#first;
    if (size > 1) result = this.#combine(result, this.#second);
    if (size > 2) result = this.#combine(result, this.#third);
    if (size > 3) result = this.#combine(result, this.#fourth);
    return result;
  }

  clear(): void {
    this.#size = 0;
  }

  /** Moves the partials to a larger window. */
  moveTo(other: SlidingAggregator<P>): SlidingAggregator<P> {
    for (const partial of [this.#first, this.#second, this.#third, this.#fourth].slice(0, this.#size)) {
      other.insert(partial);
    }
    return other;
  }
}
