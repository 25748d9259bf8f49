import { type PartitionEnd, PartitionWatermark, type SavedPartition } from './partitionWatermark.js';

/** Durations in ms. */
export interface WatermarkRule {
  /** How much older than the newest record before it in its partition a record on time may be. */
  readonly outOfOrderness: number;
  /** After how long without a record nobody waits for a partition that has been read to its end. */
  readonly idleAfter: number;
  /** Whether the watermark goes on with batch time while all partitions are idle. */
  readonly advanceWhenIdle: boolean;
}

/** What holds the watermark back, or why it does not move. */
export type PartitionStatus = 'active' | 'idle' | 'ended';

/**
 * The watermark of all partitions: the minimum of those that count, and it never falls. It is taken at the end of each batch, from
 * nothing but records, batch times and the ends in the plan, so that a replayed batch has the same.
 *
 *     some count         the minimum of their watermarks
 *     all have ended     Infinity: everything has been read
 *     else               all that are open are idle: the newest watermark, going on with batch time if `advanceWhenIdle`
 */
export class Watermarks {
  readonly #rule: WatermarkRule;
  readonly #partitions = new Map<string, PartitionWatermark>();
  #watermark = -Infinity;
  /** The time of the batch before, of this run. */
  #time: number | undefined;
  /** Whether there was a batch before: a partition that comes later was added. */
  #begun = false;

  constructor(rule: WatermarkRule) {
    this.#rule = rule;
  }

  /** In ms; -Infinity before the first record, Infinity when everything has been read. */
  get watermark(): number {
    return this.#watermark;
  }

  get partitions(): Iterable<PartitionWatermark> {
    return this.#partitions.values();
  }

  restore(watermark: number, partitions: Iterable<readonly [string, SavedPartition]>): void {
    this.#watermark = watermark;
    this.#begun = true;
    for (const [key, saved] of partitions) {
      this.#partitions.set(key, PartitionWatermark.restored(key, this.#rule.outOfOrderness, saved));
    }
  }

  /** A batch begins with these partitions: returns them in the same order. */
  begin(keys: readonly string[], time: number): readonly PartitionWatermark[] {
    const present = keys.map((key) => this.#partitions.get(key) ?? this.#add(key, time));
    this.#begun = true;
    for (const partition of this.#partitions.values()) partition.begin(this.#watermark);
    return present;
  }

  /** A batch ends, whose records have advanced their partitions. `ends` has the partitions of its plan. */
  end(ends: ReadonlyMap<string, PartitionEnd>, time: number, interval: number): void {
    const elapsed = this.#time === undefined ? interval : time - this.#time;
    this.#time = time;
    for (const partition of this.#partitions.values()) partition.finish(ends.get(partition.key), time, elapsed);
    for (const partition of this.#partitions.values()) partition.idle = this.#isIdle(partition, time);
    this.#watermark = Math.max(this.#watermark, this.#next(time));
    for (const partition of this.#partitions.values()) {
      if (partition.watermark >= this.#watermark) partition.added = false;
    }
  }

  statusOf({ ended, idle }: PartitionWatermark): PartitionStatus {
    if (ended) return 'ended';
    return idle ? 'idle' : 'active';
  }

  #add(key: string, time: number): PartitionWatermark {
    const from = { rank: this.#partitions.size, quietSince: time, added: this.#begun };
    const partition = new PartitionWatermark(key, this.#rule.outOfOrderness, from);
    this.#partitions.set(key, partition);
    return partition;
  }

  /** Where records waited in this batch, it has been quiet since now. */
  #isIdle({ quietSince, active }: PartitionWatermark, time: number): boolean {
    return !active && time > quietSince && time - quietSince >= this.#rule.idleAfter;
  }

  #next(time: number): number {
    let minimum = Infinity;
    let newest = -Infinity;
    let count = 0;
    let ended = 0;
    for (const partition of this.#partitions.values()) {
      const { watermark, quietSince } = partition;
      const advances = this.#rule.advanceWhenIdle && partition.idle;
      newest = Math.max(newest, advances ? watermark + (time - quietSince) : watermark);
      if (partition.ended) ended++;
      else if (!partition.idle) {
        minimum = Math.min(minimum, watermark);
        count++;
      }
    }
    if (count > 0) return minimum;
    if (ended === this.#partitions.size) return ended > 0 ? Infinity : -Infinity;
    return newest;
  }
}
