import type { LateReason } from '../batch/eventTime.js';

/** What a checkpoint holds of a partition. Nothing infinite: what is not known is absent. */
export interface SavedPartition {
  readonly rank: number;
  readonly records: number;
  readonly newest?: number;
  readonly quietSince: number;
  readonly ended?: true;
  readonly added?: true;
}

/** How far a partition was read with a batch: `undefined` where unknown (planned before a restart, by an older version). */
export type PartitionEnd = 'open' | 'caughtUp' | 'ended' | undefined;

/** The event time of one partition. */
export class PartitionWatermark {
  readonly key: string;
  /** Its place among the partitions, in the order in which they were met. */
  readonly rank: number;
  /** The newest event time so far, in ms; -Infinity before the first record. */
  newest = -Infinity;
  /** The number of its records so far. */
  records = 0;
  /** The batch time of its last record or, if later, of the last batch in which records waited; of its first batch without any. */
  quietSince: number;
  /** It is bounded, and has been read up to there. */
  ended = false;
  /** It was added after the first batch, and its records may be older than the watermark of all partitions. */
  added: boolean;
  /** Whether it has been quiet for so long that nobody waits for it. */
  idle = false;
  /** As for `EventClock`. */
  floor = -Infinity;
  #before = -Infinity;
  #recordsBefore = 0;
  readonly #outOfOrderness: number;

  constructor(
    key: string,
    outOfOrderness: number,
    from: { readonly rank: number; readonly quietSince: number; readonly added: boolean },
  ) {
    this.key = key;
    this.rank = from.rank;
    this.quietSince = from.quietSince;
    this.added = from.added;
    this.#outOfOrderness = outOfOrderness;
  }

  static restored(key: string, outOfOrderness: number, saved: SavedPartition): PartitionWatermark {
    const { rank, records, newest = -Infinity, quietSince, ended = false, added = false } = saved;
    const partition = new PartitionWatermark(key, outOfOrderness, { rank, quietSince, added });
    partition.records = records;
    partition.newest = newest;
    partition.ended = ended;
    return partition;
  }

  /** Whether a record of it came with the present batch. */
  get active(): boolean {
    return this.records !== this.#recordsBefore;
  }

  /** No record on time is older. */
  get watermark(): number {
    return this.newest - this.#outOfOrderness;
  }

  /** Why records of the present batch are late that are older than the watermark of all partitions only. */
  get reason(): LateReason {
    if (this.watermark >= this.#before) return 'late';
    return this.added ? 'new' : 'idle';
  }

  /** A batch begins; `before` is the watermark of all partitions. */
  begin(before: number): void {
    this.#before = before;
    this.#recordsBefore = this.records;
    this.#setFloor();
  }

  /** Called with each record, after `floor` has been read for it. */
  advance(time: number): void {
    this.newest = time;
    this.#setFloor();
  }

  /** Goes back to where it was in this batch: its records are visited again. */
  rewind(records: number, newest: number): void {
    this.records = records;
    this.newest = newest;
    this.#setFloor();
  }

  /** The batch of this time ends, which read the partition up to `end`, `elapsed` ms after the batch before. */
  finish(end: PartitionEnd, time: number, elapsed: number): void {
    if (end !== undefined) this.ended = end === 'ended';
    if (this.active || end === 'open') this.quietSince = time;
    // Not known whether records waited: the clock stops.
    else if (end === undefined) this.quietSince = Math.min(this.quietSince + elapsed, time);
  }

  save(): SavedPartition {
    return {
      rank: this.rank,
      records: this.records,
      ...(this.newest !== -Infinity && { newest: this.newest }),
      quietSince: this.quietSince,
      ...(this.ended && { ended: true as const }),
      ...(this.added && { added: true as const }),
    };
  }

  #setFloor(): void {
    this.floor = Math.max(this.watermark, this.#before);
  }
}
