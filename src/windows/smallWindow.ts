import type { SlidingAggregator } from './slidingAggregator.js';

/**
 * The aggregate of a sliding window of a few partials, computed anew at each query: for windows by key, where most keys
 * are in a few panes only, and one small array takes much less room than two stacks do.
 */
export class SmallWindow<P> implements SlidingAggregator<P> {
  readonly #combine: (older: P, newer: P) => P;
  #partials: P[] = [];

  constructor(combine: (older: P, newer: P) => P) {
    this.#combine = combine;
  }

  get size(): number {
    return this.#partials.length;
  }

  insert(partial: P): void {
    this.#partials.push(partial);
  }

  evict(count = 1): void {
    if (count === 1) this.#partials.shift();
    else this.#partials.splice(0, count);
  }

  query(): P | undefined {
    const partials = this.#partials;
    let result = partials[0];
    for (let i = 1; i < partials.length; i++) result = this.#combine(result as P, partials[i] as P);
    return result;
  }

  clear(): void {
    this.#partials = [];
  }

  /** Goes on in another window. */
  moveTo(other: SlidingAggregator<P>): SlidingAggregator<P> {
    for (const partial of this.#partials) other.insert(partial);
    return other;
  }
}
