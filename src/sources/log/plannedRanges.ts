import type { OffsetRange } from '../../batch/offsetRange.js';

interface PlannedRange {
  readonly range: OffsetRange;
  /** How many batches have planned it: an empty range comes again and again. */
  plans: number;
  /** It is read up to here: less than its end where the log has changed. */
  end: number;
  /** Where the log goes on after it. */
  next: number;
}

/** The ranges of one partition that are planned and not yet read, and what is left of each where the log has changed since. */
export class PlannedRanges {
  readonly #ranges = new Map<string, PlannedRange>();

  get size(): number {
    return this.#ranges.size;
  }

  add(range: OffsetRange): void {
    const plans = this.#ranges.get(keyOf(range))?.plans ?? 0;
    // The same offsets again: where nothing identifies logs, those of another one.
    this.#ranges.set(keyOf(range), { range, plans: plans + 1, end: range.until, next: range.until });
  }

  /** A range of a log that is no longer there: nothing of it is read, and the log goes on at `next`. */
  addGone(range: OffsetRange, next: number): void {
    this.add(range);
    Object.assign(this.#ranges.get(keyOf(range)) as PlannedRange, { end: range.from, next });
  }

  /** The offset up to which a range is read; where it begins if nothing of it is. */
  endOf(range: OffsetRange): number {
    return this.#ranges.get(keyOf(range))?.end ?? range.from;
  }

  /** Where the log goes on after a range. */
  nextAfter(range: OffsetRange): number {
    return this.#ranges.get(keyOf(range))?.next ?? range.until;
  }

  settle(range: OffsetRange): void {
    const known = this.#ranges.get(keyOf(range));
    if (known && --known.plans === 0) this.#ranges.delete(keyOf(range));
  }

  /** The log was cut at this offset: what was planned behind it is not there any more. */
  cutAt(offset: number): void {
    for (const planned of this.#ranges.values()) {
      planned.end = Math.min(planned.end, offset);
      planned.next = Math.min(planned.next, offset);
    }
  }

  /** Nothing of what is planned is read any more; the log goes on at `next`. */
  giveUp(next: number): void {
    for (const planned of this.#ranges.values()) Object.assign(planned, { end: planned.range.from, next });
  }

  /** The latest leader epoch that the record at this offset may have, if it is planned: that of the leader when it was planned. */
  maxEpochAt(offset: number): number | undefined {
    for (const { range, end } of this.#ranges.values()) {
      if (range.from <= offset && offset < end) return range.leaderEpoch;
    }
    return undefined;
  }
}

function keyOf({ from, until, topicId = '', leaderEpoch = -1 }: OffsetRange): string {
  return `${from}-${until}-${leaderEpoch}-${topicId}`;
}
