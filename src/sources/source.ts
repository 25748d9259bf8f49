import type { ObservableInput, SchedulerLike } from 'rxjs';
import type { PartitionProgress } from '../batch/batchInfo.js';
import type { FetchEvent } from '../batch/monitoring/monitorEvents.js';
import type { PartitionSnapshot, SourceSnapshot } from '../batch/monitoring/streamSnapshot.js';
import type { OffsetRange } from '../batch/offsetRange.js';
import type { Partition } from '../batch/partition.js';
import type { Segment } from '../batch/segment.js';
import type { TopicPartitionOffset } from '../batch/topicPartition.js';

/** What the batch driver gives a source when it is opened. */
export interface SourceSetup {
  /** The name of the source among those of its driver, for messages. */
  readonly name: string;
  /** Batch interval in ms, at first where intervals change. */
  readonly interval: number;
  readonly scheduler: SchedulerLike;
  /** Where to go on, from the checkpoint; `undefined` when there is none, and the source's own start option applies. */
  readonly restored: readonly TopicPartitionOffset[] | undefined;
  /** To be called after each request for records; absent where nobody listens. */
  readonly fetched?: ((event: Omit<FetchEvent, 'source'>) => void) | undefined;
  /** Ranges that were planned and not completed before a restart: they will be fetched again, before anything else. */
  readonly replay: readonly (readonly OffsetRange[])[];
}

/** What a source knows of itself, of what a snapshot shows: the driver adds what is committed. */
export interface SourceStatus extends Omit<SourceSnapshot, 'partitions'> {
  readonly partitions: readonly Omit<PartitionSnapshot, 'committed' | 'lag' | 'behind'>[];
}

/** What the batch driver asks of a source at a tick. */
export interface PlanRequest {
  /** The time of the batch. */
  readonly time: number;
  /** Its interval in ms: what `SourceSetup` has, unless intervals change. */
  readonly interval: number;
  /**
   * Gives the records per second that the controller allows, told what waits in the source; `undefined` for no limit.
   * To be called exactly once, when the lag is known.
   */
  rate(lag: number): number | undefined;
}

/** The offset ranges of a batch, decided before any of them is read, so that the batch can be replayed. */
export interface Plan {
  readonly ranges: readonly OffsetRange[];
  /** Records waiting beyond the ranges. */
  readonly lag: number;
  /** The limit that applied, in records per second. */
  readonly rate?: number | undefined;
}

/** The records of a plan. */
export interface Fetched<T> {
  readonly partitions: readonly Partition<T>[];
  /** How many records there are, where the partitions do not tell by their length. */
  readonly records?: number | undefined;
  readonly bytes?: number | undefined;
  readonly overshootRecords?: number | undefined;
  readonly overshootBytes?: number | undefined;
  readonly skipped?: number | undefined;
  readonly lost?: readonly OffsetRange[] | undefined;
  /** How far each partition has come; `behind` is computed when the batch is saved. */
  readonly progress?: readonly Omit<PartitionProgress, 'behind'>[] | undefined;
}

/**
 * An opened source. The driver calls `plan` one at a time, in order of batch time; `fetch` once for each plan, in the
 * same order, possibly while later ones are planned; `commit` in order, for complete batches only. Everything is an
 * `ObservableInput`, so that a source can be synchronous, a promise, or in virtual time; the last value counts.
 */
export interface SourceRun<T> {
  plan(request: PlanRequest): ObservableInput<Plan>;
  fetch(plan: Plan): ObservableInput<Fetched<T>>;
  /** The batch of these ranges, and all before it, are complete and saved. */
  commit(ranges: readonly OffsetRange[]): ObservableInput<unknown>;
  /**
   * The stream is being stopped. For a source that gathers records itself: it takes in no more, and `plan` is still called,
   * until it completes without a value. The others are not planned any more.
   */
  stop?(): void;
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
  /** Names the kind of source in messages, such as `kafkaBatches`. */
  readonly kind: string;
  /** Whether `commit` makes progress durable, so that a batch wrongly called complete would be lost for good. */
  readonly durable: boolean;
  /** Whether it goes on by what a checkpoint has saved and planned, so that it cannot do without one. */
  readonly needsCheckpoint?: boolean | undefined;
  /**
   * The same source with its records made only when they are gone through, each time anew: one segment for each partition.
   * Operators that take one record after the other use it, and nobody holds a batch of records then.
   */
  readonly segments?: Source<Segment<T>> | undefined;
  /** No batch comes after the one that makes `plan` complete without a value: the source has ended. */
  open(setup: SourceSetup): ObservableInput<SourceRun<T>>;
}
