/**
 * The aggregate of a sliding window under any associative operation, without an inverse: three calls of `combine` a slide
 * on average, whatever the length of the window.
 *
 *     ring:   front                     | back
 *             v1+..+v4 v2+..+v4 v3+v4 v4 | v5  v6  v7        back total = v5+v6+v7
 *             ^ head                    ^ split            ^ tail
 *
 * The front holds the aggregate of each element with all front elements after it, so the window's is the first of these
 * with the back's total. When the front is used up, the back is turned into a new front, in one pass.
 *
 * Source: "two-stacks lite", IBM sliding-window-aggregators; Adamax, Stack Overflow 2011.
 */
export class TwoStacks<P> {
  readonly #combine: (a: P, b: P) => P;
  #ring: (P | undefined)[] = new Array<P | undefined>(8);
  #head = 0;
  #split = 0;
  #tail = 0;
  #back: P | undefined;

  /** `combine` must be associative; it need not be commutative: older partials come first. */
  constructor(combine: (a: P, b: P) => P) {
    this.#combine = combine;
  }

  get size(): number {
    return this.#tail - this.#head;
  }

  /** Adds the newest partial. */
  insert(partial: P): void {
    if (this.size === this.#ring.length) this.#grow();
    this.#ring[this.#tail & (this.#ring.length - 1)] = partial;
    this.#back = this.#tail === this.#split ? partial : this.#combine(this.#back as P, partial);
    this.#tail++;
  }

  /** Removes the `count` oldest partials. */
  evict(count = 1): void {
    const head = Math.min(this.#head + count, this.#tail);
    if (head > this.#split) this.#flip(head);
    const mask = this.#ring.length - 1;
    for (let i = this.#head; i < head; i++) this.#ring[i & mask] = undefined;
    this.#head = head;
    if (head === this.#tail) {
      this.#split = head;
      this.#back = undefined;
    }
  }

  /** The aggregate of all partials, oldest first; `undefined` when there are none. */
  query(): P | undefined {
    if (this.#head === this.#split) return this.#back;
    const front = this.#ring[this.#head & (this.#ring.length - 1)] as P;
    return this.#split === this.#tail ? front : this.#combine(front, this.#back as P);
  }

  /** Turns [`head`, tail) into the front. What is about to be evicted is not touched. */
  #flip(head: number): void {
    const mask = this.#ring.length - 1;
    let suffix: P | undefined;
    for (let i = this.#tail - 1; i >= head; i--) {
      const partial = this.#ring[i & mask] as P;
      suffix = i === this.#tail - 1 ? partial : this.#combine(partial, suffix as P);
      this.#ring[i & mask] = suffix;
    }
    this.#split = this.#tail;
    this.#back = undefined;
  }

  #grow(): void {
    const { length } = this.#ring;
    const larger = new Array<P | undefined>(length * 2);
    for (let i = this.#head; i < this.#tail; i++) larger[i & (length * 2 - 1)] = this.#ring[i & (length - 1)];
    this.#ring = larger;
  }
}
