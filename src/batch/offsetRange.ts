/**
 * A half-open run of records of one partition: `[from, until)`. Offsets are record numbers, as in Kafka.
 *
 * Source: Spark's `OffsetRange`.
 */
export interface OffsetRange {
  /** The topic. */
  readonly topic: string;
  /** The number of the partition, from 0. */
  readonly partition: number;
  /** The first offset. */
  readonly from: number;
  /** The offset after the last one. */
  readonly until: number;
  /**
   * Whether records of the partition were left when the range was planned: `'open'` when there were some, `'caughtUp'` when the range
   * reaches the end of what was written, `'ended'` when nothing will be read after it. Decided once, with the plan, and saved with it, so
   * that a replay decides the same. Absent where the source did not know: at ticks that were late, and in checkpoints of older versions.
   *
   * With `read_committed` the end is that of everything written: behind an open transaction a partition is not caught up.
   */
  readonly end?: 'open' | 'caughtUp' | 'ended';
  /** The id of the topic, in logs that have ids: a topic that was deleted and created again has another. */
  readonly topicId?: string;
  /** The epoch of the partition's leader when the range was planned: no record of the range has a later one. */
  readonly leaderEpoch?: number;
  /** Where bounded reading of the partition ends, if that was the latest offset when the stream began: it is decided once. */
  readonly endsAt?: number;
}
