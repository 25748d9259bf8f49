import { SortedBuckets } from './sortedBuckets.js';

/**
 * The ids of records that have been passed, with their event times: another record of the id is a duplicate if its time is at most
 * `within` away. A time is forgotten when the watermark is beyond what it could make a duplicate of: what comes then is late.
 */
export class EventIds<K> {
  readonly #within: number;
  /** The times of each id, in the order in which they were passed. */
  readonly #times = new Map<K, number[]>();
  readonly #due: SortedBuckets<K>;

  constructor(within: number) {
    this.#within = within;
    this.#due = new SortedBuckets(Math.max(within, bucketMs));
  }

  restore(id: K, times: readonly number[]): void {
    this.#times.set(id, [...times]);
    for (const time of times) this.#due.add(time + this.#within, id);
  }

  /** The times of an id, if there are any. */
  of(id: K): readonly number[] | undefined {
    return this.#times.get(id);
  }

  /** Returns whether a record is the first of its id and time. */
  pass(id: K, time: number): boolean {
    const times = this.#times.get(id);
    if (!times) {
      this.#times.set(id, [time]);
      this.#due.add(time + this.#within, id);
      return true;
    }
    for (const other of times) if (Math.abs(other - time) <= this.#within) return false;
    times.push(time);
    this.#due.add(time + this.#within, id);
    return true;
  }

  /** Forgets what a watermark has passed, and returns the ids concerned. */
  forget(watermark: number): readonly K[] {
    const changed: K[] = [];
    for (const id of this.#due.take(watermark)) {
      const times = this.#times.get(id);
      if (!times) continue;
      const kept = times.filter((time) => time + this.#within >= watermark);
      for (const time of kept) this.#due.add(time + this.#within, id);
      if (kept.length === times.length) continue;
      if (kept.length > 0) this.#times.set(id, kept);
      else this.#times.delete(id);
      changed.push(id);
    }
    return changed;
  }
}

/** Length of the buckets in which times are forgotten, if duplicates are not looked for over a longer time. */
const bucketMs = 1_000;
