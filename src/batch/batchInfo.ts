import type { EventTimeProgress } from './eventTimeProgress.js';
import type { ReceiverInfo } from './monitoring/receiverStatus.js';
import type { OffsetRange } from './offsetRange.js';
import type { RateDecision } from './rateDecision.js';
import type { TaskInfo } from './taskInfo.js';
import type { UnavailablePartition } from './unavailablePartition.js';

/** The progress of one partition of a source with a batch. */
export interface PartitionProgress extends Pick<OffsetRange, 'topic' | 'partition' | 'from' | 'until'> {
  /** The end of the partition when the batch was planned: the offset of the next record to be written. */
  readonly end: number;
  /** Offsets from `until` to `end`. Records may be fewer, where compaction or transactions left gaps. */
  readonly lag: number;
  /** The timestamp of the newest record read of the partition, in ms since the epoch; `undefined` where none was read. */
  readonly newestTimestamp?: number | undefined;
  /** How far that record lies in the past when the batch is saved, by the clock of the scheduler, in ms; 0 without lag, `undefined` where unknown. */
  readonly behind?: number | undefined;
}

/**
 * Why a record is in no batch: its bytes are `malformed`, its `deserialization` failed, the queue of a receiver was full, an
 * `overflow`, or it was too old for `ignore` of a receiver, `ignored`.
 */
export type SkipReason = 'malformed' | 'deserialization' | 'overflow' | 'ignored';

/** What one source put into a batch. */
export interface InputInfo {
  /** Records handed to the operators. */
  readonly records: number;
  /** The offset ranges they came from, one a partition; a partition without records may be absent. */
  readonly ranges: readonly OffsetRange[];
  /** The progress of each partition, for a source that knows the ends of its partitions. */
  readonly partitions?: readonly PartitionProgress[] | undefined;
  /**
   * What waited in the source beyond this batch when it was planned, or when it was replayed: offsets, of a log, of which some may
   * have no record (compaction, transactions); records, of a receiver.
   */
  readonly lag: number;
  /** The limit that applied when the batch was planned, in records per second; `undefined` when there was none. */
  readonly rate?: number | undefined;
  /** Why: what the rate controller knew and which rule applied, from a controller that explains its decisions. */
  readonly decision?: RateDecision | undefined;
  /** Bytes of records read for the batch, where the source knows them. */
  readonly bytes?: number | undefined;
  /**
   * Records (counted by offsets) that came in beyond the ranges, because the smallest unit that a log returns is a record
   * batch, and the first records of a partition are read to learn their size. They are kept for the batches that follow,
   * and counted once, for the batch with whose bytes they came.
   */
  readonly overshootRecords?: number | undefined;
  /** The bytes of those records: their share of the fetch that brought them. */
  readonly overshootBytes?: number | undefined;
  /** Records left out by a policy (malformed and skipped, or handed to a dead-letter Observable). */
  readonly skipped?: number | undefined;
  /** The same by reason, of a source that knows the reasons. A reason without a record is absent. */
  readonly skippedBy?: Readonly<Partial<Record<SkipReason, number>>> | undefined;
  /** Partitions that could not be read when the batch was planned: their leader is unknown or cannot be reached. */
  readonly unavailable?: readonly UnavailablePartition[] | undefined;
  /** Of a source that receives records itself: what it holds, and how its receivers are. */
  readonly receiver?: ReceiverInfo | undefined;
  /** Offsets passed over: no longer in the log (`offsetOutOfRange`), or too old (`skipTo`). */
  readonly lost?: readonly OffsetRange[] | undefined;
}

/** What the event-time operators of a stream did not count as usual in a batch; each operator adds its own. */
export interface EventTimeCounts {
  /** Records that came too late, so that no window of an operator counts them. */
  readonly late: number;
  /** Records that came too late for the first of the sliding windows that contain them, and count for the later ones. */
  readonly partlyLate: number;
  /** Records without a valid event time, which `eventTime` has left out. */
  readonly invalid: number;
}

/**
 * What is known of a batch once it is complete: the one thing that flows backward, to the rate controller, the
 * committer, metrics and dashboards. Times are milliseconds of the scheduler's clock,
 * which never goes back here (if it is set back, times of the run stay ahead by as much); delays are milliseconds.
 *
 *     time ──── submissionTime ──── processingStartTime ── dispatch ── processingEndTime ── saved
 *               |-- schedulingDelay --|------------ processingDelay -----------|
 *               |----------------------- totalDelay ---------------------------|
 *
 * Source: Spark's `BatchInfo`.
 */
export interface BatchInfo {
  /** The batch time: the end of its interval. */
  readonly time: number;
  /** The batch interval. */
  readonly interval: number;
  /** When the batch was planned, that is, its offset ranges were fixed. */
  readonly submissionTime: number;
  /** When the first record was handed out, in ms of the scheduler's clock. */
  readonly processingStartTime: number;
  /** When the last hold was released, in ms of the scheduler's clock. */
  readonly processingEndTime: number;
  /** Waiting behind earlier batches. */
  readonly schedulingDelay: number;
  /** From start to the last hold released, less the time spent only waiting for another stream. */
  readonly processingDelay: number;
  /** `schedulingDelay` and `processingDelay` together, in ms. */
  readonly totalDelay: number;
  /** The part of `processingDelay` before the first operator ran: reading the records. */
  readonly fetchDelay: number;
  /** The part of `processingDelay` in which operators ran synchronously and the event loop was blocked. */
  readonly dispatchDelay: number;
  /** Saving the checkpoint and committing offsets, after `processingEndTime`. */
  readonly saveDelay: number;
  /** Records over all inputs. */
  readonly records: number;
  /** Late and invalid records; absent where the stream has no operator by event time. */
  readonly eventTime?: EventTimeCounts | undefined;
  /** How far event time is, of each `eventTime` of the stream; absent where it has none. */
  readonly eventTimeProgress?: readonly EventTimeProgress[] | undefined;
  /** Records that were put aside because a function of yours threw for them (`onRecordError`); absent where none was. */
  readonly failedRecords?: number;
  /** The task that the batch is of; absent where the job is not divided into tasks. */
  readonly task?: TaskInfo | undefined;
  /** By the name of the source. */
  readonly inputs: Readonly<Record<string, InputInfo>>;
}
