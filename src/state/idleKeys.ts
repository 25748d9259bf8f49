/**
 * Finds the keys that have not been touched for a while without visiting the others: each time has a bucket of the keys last
 * touched then. A key is in one bucket only, so memory does not grow with how often keys are touched.
 */
export class IdleKeys<K> {
  /** By time, oldest first: times only rise. */
  readonly #buckets = new Map<number, Set<K>>();
  /** When each key was touched last. */
  readonly #times = new Map<K, number>();

  /** The number of keys. */
  get size(): number {
    return this.#times.size;
  }

  /** Times must not decrease from one call to the next. */
  touch(key: K, time: number): void {
    const before = this.#times.get(key);
    if (before === time) return;
    if (before !== undefined) this.#leave(key, before);
    this.#times.set(key, time);
    const bucket = this.#buckets.get(time);
    if (bucket) bucket.add(key);
    else this.#buckets.set(time, new Set([key]));
  }

  /** Removes the keys last touched before `time` and returns those that `isIdle` confirms, in the order in which they were touched. */
  takeBefore(time: number, isIdle: (key: K) => boolean): readonly K[] {
    const taken: K[] = [];
    for (const [touched, keys] of this.#buckets) {
      if (touched >= time) break;
      for (const key of keys) {
        this.#times.delete(key);
        if (isIdle(key)) taken.push(key);
      }
      this.#buckets.delete(touched);
    }
    return taken;
  }

  #leave(key: K, time: number): void {
    const bucket = this.#buckets.get(time);
    bucket?.delete(key);
    if (bucket?.size === 0) this.#buckets.delete(time);
  }
}
