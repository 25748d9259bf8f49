/**
 * Finds the keys that have not been touched for a while, without looking at the others: for each time there is a bucket of
 * the keys touched then, and a bucket that has become old is gone through once. A key that was touched again since stands
 * in a later bucket too, and is passed over.
 */
export class IdleKeys<K> {
  /** By time, oldest first: times only rise. */
  readonly #buckets = new Map<number, Set<K>>();

  /** Times must not fall from one call to the next. */
  touch(key: K, time: number): void {
    const bucket = this.#buckets.get(time);
    if (bucket) bucket.add(key);
    else this.#buckets.set(time, new Set([key]));
  }

  /** Takes the keys last touched before `time`, as `isIdle` confirms, in the order in which they were touched. */
  takeBefore(time: number, isIdle: (key: K) => boolean): readonly K[] {
    const taken = new Set<K>();
    for (const [touched, keys] of this.#buckets) {
      if (touched >= time) break;
      for (const key of keys) if (isIdle(key)) taken.add(key);
      this.#buckets.delete(touched);
    }
    return [...taken];
  }
}
