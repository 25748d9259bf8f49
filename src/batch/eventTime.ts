import type { Batch } from './batch.js';
import type { Partition } from './partition.js';

// Event times travel beside batches and partitions, not in them: whatever puts other records into a partition (`withPartitions`, an
// operator of the user's) has new objects, and so no times that would belong to other records.

/**
 * Why a record is late: `'late'` by the records before it in its own partition; `'idle'` because its partition was idle and the
 * watermark went on without it; `'new'` because the partition was added when the watermark was already further.
 */
export type LateReason = 'late' | 'idle' | 'new';

/** Where a record comes from, as far as event time is concerned: one object for each partition of a batch. */
export interface RecordOrigin {
  /** The place of its partition among all: orders records of the same event time. */
  readonly rank: number;
  /** Why a record is late that only the watermark of all partitions makes late. */
  readonly reason: LateReason;
}

/** The event time of the record that a loop is at. A loop over the records of a batch sets it before it visits each. */
export class EventClock {
  /** Event time of the record, in ms. */
  time = 0;
  /** The watermark of its partition just before the record or, if more, that of all partitions before the batch, in ms. */
  floor = -Infinity;
  origin: RecordOrigin = unknownOrigin;
  /** The number of the record in its partition: orders records of the same event time and partition. */
  sequence = 0;
}

/** The progress of event time with a batch. */
export interface BatchEventTime {
  /** The watermark before the batch, in ms; -Infinity at first. */
  readonly before: number;
  /** The watermark after it, in ms; Infinity when everything has been read. To be read after the records have been visited. */
  readonly after: number;
  readonly clock: EventClock;
}

/** The event times of records that are kept in a partition, each at the index of its record. */
export interface PartitionTimes {
  readonly times: readonly number[];
  readonly floors: readonly number[];
  readonly origins: readonly RecordOrigin[];
  readonly sequences: readonly number[];
}

const unknownOrigin: RecordOrigin = { rank: 0, reason: 'late' };
const byBatch = new WeakMap<Batch<unknown>, BatchEventTime>();
const byPartition = new WeakMap<Partition<unknown>, PartitionTimes | (() => PartitionTimes)>();

/** The event time of a batch; `undefined` where no `eventTime` is before, or where an operator has made other records. */
export function eventTimeOf(batch: Batch<unknown>): BatchEventTime | undefined {
  return byBatch.get(batch);
}

export function withEventTime<T>(batch: Batch<T>, eventTime: BatchEventTime): Batch<T> {
  byBatch.set(batch, eventTime);
  return batch;
}

export function timesOf(partition: Partition<unknown>): PartitionTimes | undefined {
  const times = byPartition.get(partition);
  if (typeof times !== 'function') return times;
  const computed = times();
  byPartition.set(partition, computed);
  return computed;
}

/** A function is called when the times are first asked for: most partitions are never asked. */
export function withTimes<T>(partition: Partition<T>, times: PartitionTimes | (() => PartitionTimes)): Partition<T> {
  byPartition.set(partition, times);
  return partition;
}
