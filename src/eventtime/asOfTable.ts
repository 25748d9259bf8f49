import { partitionPoint } from '../collections/partitionPoint.js';
import { SortedBuckets } from './sortedBuckets.js';

/** A record of the other stream of an as-of join. */
export interface AsOfRow<K, V> {
  /** Names the row in a checkpoint. */
  readonly number: number;
  readonly key: K;
  /** Its event time, in ms. */
  readonly time: number;
  /** The place of its partition, and its number in there: of rows of one time the last one counts. */
  readonly rank: number;
  readonly sequence: number;
  readonly value: V;
}

/**
 * The values of each key over event time, as far back as records on time may ask for them: the newest up to the watermark, and all
 * newer ones. One that is older than `maxAge` at the watermark is forgotten, too.
 */
export class AsOfTable<K, V> {
  readonly #maxAge: number;
  readonly #rows = new Map<K, AsOfRow<K, V>[]>();
  readonly #due: SortedBuckets<K>;

  constructor(maxAge: number, bucketMs: number) {
    this.#maxAge = maxAge;
    this.#due = new SortedBuckets(bucketMs);
  }

  add(row: AsOfRow<K, V>): void {
    // It replaces those before it when the watermark reaches it.
    this.#due.add(row.time, row.key);
    if (this.#maxAge !== Infinity) this.#due.add(row.time + this.#maxAge, row.key);
    const rows = this.#rows.get(row.key);
    if (!rows) {
      this.#rows.set(row.key, [row]);
      return;
    }
    let place = rows.length;
    while (place > 0 && compare(rows[place - 1] as AsOfRow<K, V>, row) > 0) place--;
    if (place === rows.length) rows.push(row);
    else rows.splice(place, 0, row);
  }

  /** The newest row of a key that is not newer than `time`, nor older than `maxAge` then. */
  at(key: K, time: number): AsOfRow<K, V> | undefined {
    const rows = this.#rows.get(key);
    if (!rows) return undefined;
    const row = rows[upTo(rows, time) - 1];
    return row && time - row.time <= this.#maxAge ? row : undefined;
  }

  /** Takes out the rows that nobody can ask for who is not older than the watermark. */
  expire(watermark: number): readonly AsOfRow<K, V>[] {
    const expired: AsOfRow<K, V>[] = [];
    for (const key of this.#due.take(watermark)) {
      const rows = this.#rows.get(key);
      if (!rows) continue;
      const newest = upTo(rows, watermark) - 1;
      const kept = rows[newest];
      const isOld = kept !== undefined && watermark - kept.time > this.#maxAge;
      for (const row of rows.splice(0, isOld ? newest + 1 : Math.max(0, newest))) expired.push(row);
      const [first, second] = rows;
      if (!first) {
        this.#rows.delete(key);
        continue;
      }
      // Later buckets still have the key.
      if (second) this.#due.add(second.time, key);
      if (this.#maxAge !== Infinity) this.#due.add(first.time + this.#maxAge, key);
    }
    return expired;
  }
}

function compare(a: AsOfRow<unknown, unknown>, b: AsOfRow<unknown, unknown>): number {
  return a.time - b.time || a.rank - b.rank || a.sequence - b.sequence || a.number - b.number;
}

/** The number of rows of this time or earlier. */
function upTo(rows: readonly AsOfRow<unknown, unknown>[], time: number): number {
  return partitionPoint(rows.length, (i) => (rows[i] as AsOfRow<unknown, unknown>).time <= time);
}
