import { partitionPoint } from '../collections/partitionPoint.js';
import { SortedBuckets } from './sortedBuckets.js';

/** A record of one stream that waits for records of another. */
export interface JoinRow<K, V> {
  /** Rises with each row of a join: orders rows of the same event time, and names the row in a checkpoint. */
  readonly number: number;
  readonly key: K;
  /** Its event time, in ms. */
  readonly time: number;
  readonly value: V;
  /** Whether it has been paired: if not, an outer join has a result without the other side when it leaves. */
  matched: boolean;
}

/**
 * The rows of one side of a join by event time, by key. A row leaves when the watermark of the other side is more than `keptFor` ms beyond
 * it: no record on time can be paired with it then.
 */
export class JoinRows<K, V> {
  readonly #keptFor: number;
  /** By event time, and those of one time in the order in which they came. */
  readonly #rows = new Map<K, JoinRow<K, V>[]>();
  readonly #due: SortedBuckets<K>;

  /** `bucketMs`: rows that leave within this time, in ms, are found together. */
  constructor(keptFor: number, bucketMs: number) {
    this.#keptFor = keptFor;
    this.#due = new SortedBuckets(bucketMs);
  }

  /** The number of keys. */
  get size(): number {
    return this.#rows.size;
  }

  add(row: JoinRow<K, V>): void {
    this.#due.add(row.time + this.#keptFor, row.key);
    const rows = this.#rows.get(row.key);
    if (!rows) {
      this.#rows.set(row.key, [row]);
      return;
    }
    // Nearly always the last.
    let place = rows.length;
    while (place > 0 && isAfter(rows[place - 1] as JoinRow<K, V>, row)) place--;
    if (place === rows.length) rows.push(row);
    else rows.splice(place, 0, row);
  }

  /** Visits the rows of a key with event times from `from` up to and including `until`, in their order. */
  between(key: K, from: number, until: number, visit: (row: JoinRow<K, V>) => void): void {
    const rows = this.#rows.get(key);
    if (!rows) return;
    for (let i = firstFrom(rows, from); i < rows.length; i++) {
      const row = rows[i] as JoinRow<K, V>;
      if (row.time > until) return;
      visit(row);
    }
  }

  /** Takes out the rows that are not needed beyond a watermark of the other side, in the order of their times. */
  expire(watermark: number): readonly JoinRow<K, V>[] {
    const expired: JoinRow<K, V>[] = [];
    for (const key of this.#due.take(watermark)) {
      const rows = this.#rows.get(key);
      if (!rows) continue;
      const count = firstFrom(rows, watermark - this.#keptFor);
      for (const row of rows.splice(0, count)) expired.push(row);
      const [next] = rows;
      // Later buckets still have the key.
      if (next) this.#due.add(next.time + this.#keptFor, key);
      else this.#rows.delete(key);
    }
    return expired.sort((a, b) => a.time - b.time || a.number - b.number);
  }
}

function isAfter(a: JoinRow<unknown, unknown>, b: JoinRow<unknown, unknown>): boolean {
  return a.time > b.time || (a.time === b.time && a.number > b.number);
}

/** The index of the first row of this time or later. */
function firstFrom(rows: readonly JoinRow<unknown, unknown>[], time: number): number {
  return partitionPoint(rows.length, (i) => (rows[i] as JoinRow<unknown, unknown>).time < time);
}
