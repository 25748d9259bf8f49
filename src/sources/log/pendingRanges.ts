import type { OffsetRange } from '../../batch/offsetRange.js';

/** A planned range; `jumps` where it does not begin at the end of the one before it. */
export type LogRange = OffsetRange & { readonly jumps?: true };

/** What becomes of a range. */
interface Fate {
  /** It is read up to here: less than its end where the log has changed. */
  end: number;
  /** The log that it was planned in is not there any more, and the present one goes on at `next`. */
  gone: boolean;
  next: number;
}

interface PendingRange extends Fate {
  range: OffsetRange;
  /** How many batches have planned it: an empty range comes again and again. */
  plans: number;
}

/** The ranges of one partition that are planned and not yet read, and what is left of each where the log has changed since. */
export class PendingRanges {
  /** In the order of their plans, so that the one that is looked for is among the first. */
  readonly #ranges: PendingRange[] = [];

  get size(): number {
    return this.#ranges.length;
  }

  /** Whether any of them has offsets. */
  get unread(): boolean {
    for (const { range, gone } of this.#ranges) if (!gone && range.until > range.from) return true;
    return false;
  }

  add(range: OffsetRange): void {
    this.#put(range, { end: range.until, gone: false, next: range.until });
  }

  /** A range of a log that is no longer there: nothing of it is read, and the log goes on at `next`. */
  addGone(range: OffsetRange, next: number): void {
    this.#put(range, { end: range.from, gone: true, next });
  }

  /** Whether something of a range is to be read. */
  has(range: OffsetRange): boolean {
    const known = this.#find(range);
    return known !== undefined && !known.gone;
  }

  /** The offset up to which a range is read; where it begins if nothing of it is. */
  endOf(range: OffsetRange): number {
    return this.#find(range)?.end ?? range.from;
  }

  /** Returns what became of a range. */
  settle(range: OffsetRange): Fate {
    const known = this.#find(range);
    if (!known) return { end: range.until, gone: false, next: range.until };
    if (--known.plans === 0) this.#ranges.splice(this.#ranges.indexOf(known), 1);
    return known;
  }

  /** The log was cut at this offset: what was planned behind it is not there any more. */
  cutAt(offset: number): void {
    for (const planned of this.#ranges) planned.end = Math.min(planned.end, offset);
  }

  /** Nothing of what is planned is read any more; the log goes on at `next`. */
  giveUp(next: number): void {
    for (const planned of this.#ranges) Object.assign(planned, { end: planned.range.from, gone: true, next });
  }

  /** The latest leader epoch that the record at this offset may have, if it is planned: that of the leader when it was planned. */
  maxEpochAt(offset: number): number | undefined {
    // In order: what a range leaves belongs to the one after it.
    for (const { range, end } of this.#ranges) if (offset < end) return range.leaderEpoch;
    return undefined;
  }

  #put(range: OffsetRange, fate: Fate): void {
    const known = this.#find(range);
    if (!known) this.#ranges.push({ range, plans: 1, ...fate });
    // The same offsets again: where nothing identifies logs, those of another one.
    else Object.assign(known, { range, plans: known.plans + 1, ...fate });
  }

  #find(range: OffsetRange): PendingRange | undefined {
    for (const pending of this.#ranges) if (isSame(pending.range, range)) return pending;
    return undefined;
  }
}

/** Whether they are the same offsets of the same log. */
function isSame(a: OffsetRange, b: OffsetRange): boolean {
  return a.from === b.from && a.until === b.until && a.leaderEpoch === b.leaderEpoch && a.topicId === b.topicId;
}
