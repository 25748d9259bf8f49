import { firstGap } from '../protocol/offsetGap.js';

/**
 * Checks the base offsets of record batches, which no checksum covers, by what came before: a gap is believed once two fetches have
 * brought the same one. From then on gaps are normal in this partition, as in a compacted topic.
 */
export class OffsetChecks {
  /** By partition, where the last record batch ended. */
  readonly #ends = new Map<string, number>();
  /** By partition and offset of the fetch, where the log went on behind the gap: two sources may read one partition, each at its gap. */
  readonly #doubts = new Map<string, number>();
  readonly #withGaps = new Set<string>();

  /** The bytes of a fetch from an offset that may be read; none, if the same fetch is to be repeated. */
  trusted(partition: string, from: number, bytes: Buffer): Buffer {
    if (bytes.length === 0 || this.#withGaps.has(partition)) return bytes;
    const gap = firstGap(bytes, from, this.#ends.get(partition) === from);
    if (!gap) {
      if (this.#doubts.size > 0) this.#doubts.delete(`${partition} ${from}`);
      return bytes;
    }
    if (gap.at > 0) return bytes.subarray(0, gap.at);
    const fetch = `${partition} ${from}`;
    if (this.#doubts.get(fetch) !== gap.baseOffset) {
      this.#doubts.set(fetch, gap.baseOffset);
      return bytes.subarray(0, 0);
    }
    this.#doubts.delete(fetch);
    this.#withGaps.add(partition);
    return bytes;
  }

  /** Record batches up to this offset will be read. */
  accepted(partition: string, end: number): void {
    this.#ends.set(partition, end);
  }
}
