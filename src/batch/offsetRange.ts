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
}
