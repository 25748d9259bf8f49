/** The event time of one partition. */
export interface PartitionEventTime {
  /** `topic/partition`; `-` for all partitions without an offset range, which count as one. */
  readonly partition: string;
  /** Its newest event time so far, in ms; `undefined` before its first record. */
  readonly newest: number | undefined;
  /** `'idle'` and `'ended'` partitions do not hold the watermark back. */
  readonly status: 'active' | 'idle' | 'ended';
}

/** How far event time is after a batch, as the observer `progress` of `eventTime` and monitors receive it. */
export interface EventTimeProgress {
  /** The batch time, in ms. */
  readonly time: number;
  /** The `id` of the operator, if it has one. */
  readonly id: string | undefined;
  /** The watermark, in ms: -Infinity before there is one, Infinity when everything has been read. */
  readonly watermark: number;
  /** The partitions. */
  readonly partitions: readonly PartitionEventTime[];
  /** The active partition that is furthest behind: the watermark waits for it. `undefined` if no partition is active. */
  readonly heldBackBy: string | undefined;
}
