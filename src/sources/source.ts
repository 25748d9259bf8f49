import type { Observable, ObservableInput, SchedulerLike } from 'rxjs';
import type { PartitionProgress, SkipReason } from '../batch/batchInfo.js';
import type { GroupMembership } from '../batch/groupMembership.js';
import type { FetchEvent, LogSynced } from '../batch/monitoring/monitorEvents.js';
import type { ReceiverInfo, ReceiverStatus } from '../batch/monitoring/receiverStatus.js';
import type { PartitionSnapshot, SourceSnapshot } from '../batch/monitoring/streamSnapshot.js';
import type { OffsetRange } from '../batch/offsetRange.js';
import type { Partition } from '../batch/partition.js';
import type { PartitionSelection } from '../batch/partitionSelection.js';
import type { RecordOrigin } from '../batch/recordErrors.js';
import type { Segment } from '../batch/segment.js';
import type { TopicPartitionOffset } from '../batch/topicPartition.js';
import type { UnavailablePartition } from '../batch/unavailablePartition.js';

/** What the batch driver passes to a source when it opens it. */
export interface SourceSetup {
  /** The name of the source among those of its driver, for messages. */
  readonly name: string;
  /** Batch interval in ms; the initial one where intervals change. */
  readonly interval: number;
  /** Clock and timer of the stream. */
  readonly scheduler: SchedulerLike;
  /** Where to continue, from the checkpoint; `undefined` without a checkpoint, where the source's own start option applies. */
  readonly restored: readonly TopicPartitionOffset[] | undefined;
  /**
   * Completes when outputs that commit offsets in transactions have ended those of their former life. To be waited for before
   * committed offsets are read.
   */
  readonly outputsReady?: Observable<never> | undefined;
  /** Whether failed records are put aside: then the partitions of a batch should say the offsets of their records. */
  readonly keepOffsets?: boolean | undefined;
  /** To be called after each request for records; absent where nobody listens. */
  readonly fetched?: ((event: Omit<FetchEvent, 'source'>) => void) | undefined;
  /** To be called, with the reason, when the source waits for another stream to release what it needs; absent where nobody listens. */
  readonly waiting?: ((reason: string) => void) | undefined;
  /** To be called after each append to a write-ahead log; absent where nobody listens. */
  readonly synced?: ((event: Omit<LogSynced, 'source'>) => void) | undefined;
  /**
   * How many distinct `traceparent` headers of the records of a batch are wanted in `Fetched.traceParents`.
   * @default 0
   */
  readonly maxTraceParents?: number | undefined;
  /**
   * Who commits offsets, where the work belongs to a member of a group: asked for at each commit; `undefined` once it is another
   * member's. Absent where nobody is a member.
   */
  readonly membership?: (() => GroupMembership | undefined) | undefined;
  /** To be called when a receiver of the source changes its status; absent where nobody listens. */
  readonly received?: ((status: ReceiverStatus) => void) | undefined;
  /**
   * Whether a batch waits for other sources too, which this one must not hold up. One that is read first, as a table is, may.
   * @default false
   */
  readonly hasOthers?: boolean | undefined;
  /** Ranges that were planned and not completed before a restart: they are fetched again, before anything else. */
  readonly replay: readonly (readonly OffsetRange[])[];
}

/** What a source knows of itself, of what a snapshot shows: the driver adds what is committed. */
export interface SourceStatus extends Omit<SourceSnapshot, 'partitions'> {
  /** The partitions that the source reads. */
  readonly partitions: readonly (Omit<PartitionSnapshot, 'committed' | 'lag' | 'behind'> & {
    /** Where this run began to read: what is committed until a batch is. */
    readonly start: number;
  })[];
}

/** What the batch driver asks of a source at a tick. */
export interface PlanRequest {
  /** The time of the batch. */
  readonly time: number;
  /** Its interval in ms: the one in `SourceSetup`, unless intervals change. */
  readonly interval: number;
  /** Whether the next batch is due too, as after a stop: what the source finds now says little about the time of this batch. */
  readonly late?: boolean | undefined;
  /**
   * Returns the records per second that the controller allows, given the records that wait in the source; `undefined` for no limit.
   * Call it exactly once, when the lag is known.
   */
  rate(lag: number): number | undefined;
}

/** The offset ranges of a batch, decided before any of them is read, so that the batch can be replayed. */
export interface Plan {
  /** The offset ranges, one per partition. */
  readonly ranges: readonly OffsetRange[];
  /** The end of each of these partitions when the batch was planned, of a source that knows. */
  readonly ends?: readonly number[] | undefined;
  /** Partitions that cannot be read now: nothing is planned for them. */
  readonly unavailable?: readonly UnavailablePartition[] | undefined;
  /** What waits beyond the ranges: offsets of a log, records of other sources. */
  readonly lag: number;
  /** The limit that applied, in records per second. */
  readonly rate?: number | undefined;
  /** What the ranges may hold. Absent for a batch that is replayed as it is, since its records may have been handed out before. */
  readonly limits?: PlanLimits | undefined;
}

/**
 * What a batch may hold. A plan consists of offsets, and what these hold is an estimate: where it is more, the source ends the ranges
 * sooner and what is left goes to the batches that follow.
 */
export interface PlanLimits {
  /** Bytes over all ranges, after decompression. */
  readonly maxBytes: number;
  /** Records of each range, in the order of the ranges. */
  readonly maxRecords: readonly number[];
}

/** Notes the ranges that a batch has in place of the planned ones; the source hands out no record of it before this has completed. */
export type Narrow = (ranges: readonly OffsetRange[]) => ObservableInput<unknown>;

/** A record that cannot be deserialized, where the stream puts such records aside. */
export interface FailedDecoding {
  /** Why. */
  readonly error: Error;
  /** Where it was read from, and its bytes. */
  readonly origin: RecordOrigin;
}

/** The records of a plan. */
export interface Fetched<T> {
  /** The records, by partition. */
  readonly partitions: readonly Partition<T>[];
  /** The ranges that were read, where they may differ from the planned ones: a range begins where the one before it ended. */
  readonly ranges?: readonly OffsetRange[] | undefined;
  /** What waits beyond these ranges, as `Plan.lag` counts it, where that is more than the plan says. */
  readonly lag?: number | undefined;
  /** Number of records, where it is not the sum of the lengths of the partitions. */
  readonly records?: number | undefined;
  /** Bytes received since the previous batch. */
  readonly bytes?: number | undefined;
  /** Records received beyond the ranges, because a record batch is the smallest unit that a log returns. */
  readonly overshootRecords?: number | undefined;
  /** The bytes of those. */
  readonly overshootBytes?: number | undefined;
  /** Records left out because they are invalid. */
  readonly skipped?: number | undefined;
  /** The same by reason. */
  readonly skippedBy?: Readonly<Partial<Record<SkipReason, number>>> | undefined;
  /** Records left out because they cannot be deserialized, where `SourceSetup.keepOffsets` says that failed records are put aside. */
  readonly failed?: readonly FailedDecoding[] | undefined;
  /** The `traceparent` headers of the records, where they are wanted: distinct, first come. */
  readonly traceParents?: readonly string[] | undefined;
  /** Partitions that could not be read when the batch was planned. */
  readonly unavailable?: readonly UnavailablePartition[] | undefined;
  /** Of a source that receives records itself: what it holds, and how its receivers are. */
  readonly receiver?: ReceiverInfo | undefined;
  /** Ranges that were not in the log any more. */
  readonly lost?: readonly OffsetRange[] | undefined;
  /** Where each partition goes on after the batch, with what identifies its log there. Default: at the ends of the ranges. */
  readonly positions?: readonly TopicPartitionOffset[] | undefined;
  /** How far each partition has been read; `behind` is computed when the batch is saved. */
  readonly progress?: readonly Omit<PartitionProgress, 'behind'>[] | undefined;
}

/**
 * An opened source. The driver calls `plan` one at a time, in order of batch time; `fetch` once for each plan, in the
 * same order, possibly while later ones are planned; `commit` in order, for complete batches only. Everything is an
 * `ObservableInput`, so that a source can be synchronous, a promise, or in virtual time; the last value counts.
 */
export interface SourceRun<T> {
  /** Decides the offset ranges of the next batch. */
  plan(request: PlanRequest): ObservableInput<Plan>;
  /**
   * Reads the records of a plan; for the same plan the same records. A source that finds more than the limits of the plan calls
   * `narrow`, and passes the records on when that has completed.
   */
  fetch(plan: Plan, narrow: Narrow): ObservableInput<Fetched<T>>;
  /** The batch with these ranges and all batches before it are complete and saved. */
  commit(ranges: readonly OffsetRange[]): ObservableInput<unknown>;
  /**
   * The stream is stopping. For a source that collects records itself: it accepts no more, and `plan` is still called until it
   * completes without a value. Other sources are not planned any more.
   */
  stop?(): void;
  /** What waits beyond these ranges of a batch that is replayed, as `Plan.lag` counts it. Default: 0. */
  lagBeyond?(ranges: readonly OffsetRange[]): number;
  /** What the source holds now; computed when asked for. Without it a snapshot shows what was planned and committed. */
  snapshot?(): SourceStatus;
  /** Called once, whatever happened; nothing is called afterwards. */
  close(): ObservableInput<unknown>;
}

/**
 * Where records come from: the contract between the batch driver and a source.
 *
 * Source: Spark's `InputDStream` (compute) and `RateController` (publish), made replayable by planned ranges.
 */
export interface Source<T> {
  /** Names the source in messages, such as `kafkaBatches`. */
  readonly kind: string;
  /** Whether `commit` makes progress durable, so that a batch wrongly called complete would be lost. */
  readonly durable: boolean;
  /** Whether it continues only from a checkpoint, so that it needs one. */
  readonly needsCheckpoint?: boolean | undefined;
  /**
   * Whether it is a table, which is read to the end that it has when the stream starts before the other sources of its driver begin. No rate
   * applies to it.
   */
  readonly readFirst?: boolean | undefined;
  /**
   * The partitions that it was given to read, where it was not given topics.
   * @internal
   */
  readonly selection?: PartitionSelection | undefined;
  /**
   * The same source with records that are decoded on each iteration: one segment per partition. Operators that process records one
   * by one use it, so that no batch of records is held in memory.
   * @internal
   */
  readonly segments?: Source<Segment<T>> | undefined;
  /** When `plan` completes without a value, the source has ended and no batch follows. */
  open(setup: SourceSetup): ObservableInput<SourceRun<T>>;
}
