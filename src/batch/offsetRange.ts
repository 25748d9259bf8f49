/**
 * A half-open run of records of one partition: `[from, until)`. Offsets are record numbers, as in Kafka.
 *
 * Source: Spark's `OffsetRange`.
 */
export interface OffsetRange {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly until: number;
}
