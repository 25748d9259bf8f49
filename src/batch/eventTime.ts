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
// Properties that a spread does not copy. A WeakMap that has become old keeps what it holds until the whole heap is collected: all
// records of a batch would become old too.
const ofBatch = Symbol('event time of the batch');
const ofPartition = Symbol('event times of the records');

interface WithEventTime {
  readonly [ofBatch]?: BatchEventTime;
}

interface WithTimes {
  [ofPartition]?: PartitionTimes | (() => PartitionTimes);
}

/** The event time of a batch; `undefined` where no `eventTime` is before, or where an operator has made other records. */
export function eventTimeOf(batch: Batch<unknown>): BatchEventTime | undefined {
  return (batch as WithEventTime)[ofBatch];
}

export function withEventTime<T>(batch: Batch<T>, eventTime: BatchEventTime): Batch<T> {
  return Object.defineProperty(batch, ofBatch, { value: eventTime, writable: true });
}

export function timesOf(partition: Partition<unknown>): PartitionTimes | undefined {
  const times = (partition as WithTimes)[ofPartition];
  if (typeof times !== 'function') return times;
  const computed = times();
  (partition as WithTimes)[ofPartition] = computed;
  return computed;
}

/** A function is called when the times are first asked for: most partitions are never asked. */
export function withTimes<T>(partition: Partition<T>, times: PartitionTimes | (() => PartitionTimes)): Partition<T> {
  return Object.defineProperty(partition, ofPartition, { value: times, writable: true });
}
