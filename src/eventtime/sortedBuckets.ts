/** Keys by a time at which something is due, in buckets of equal length: finds those that are due without visiting the others. */
export class SortedBuckets<K> {
  readonly #length: number;
  readonly #buckets = new Map<number, Set<K>>();
  /** The numbers of the buckets, rising. */
  readonly #order: number[] = [];

  /** `length` of a bucket, in ms. */
  constructor(length: number) {
    this.#length = length;
  }

  /** The number of the bucket of a time. */
  bucketOf(time: number): number {
    return Math.floor(time / this.#length);
  }

  add(time: number, key: K): void {
    const number = this.bucketOf(time);
    const bucket = this.#buckets.get(number);
    if (bucket) {
      bucket.add(key);
      return;
    }
    this.#buckets.set(number, new Set([key]));
    // Nearly always the newest.
    let place = this.#order.length;
    while (place > 0 && (this.#order[place - 1] as number) > number) place--;
    this.#order.splice(place, 0, number);
  }

  /** Takes out the keys that may be due at this time: those of all buckets that have begun. A key may be there twice. */
  take(time: number): readonly K[] {
    const last = this.bucketOf(time);
    const count = this.#order.findIndex((number) => number > last);
    const taken: K[] = [];
    for (const number of this.#order.splice(0, count < 0 ? this.#order.length : count)) {
      for (const key of this.#buckets.get(number) ?? []) taken.push(key);
      this.#buckets.delete(number);
    }
    return taken;
  }
}
