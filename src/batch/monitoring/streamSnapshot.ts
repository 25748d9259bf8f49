import type { BatchInfo } from '../batchInfo.js';
import type { RateDecision } from '../rateDecision.js';
import type { TopicPartition } from '../topicPartition.js';
import type { ReceiverInfo } from './receiverStatus.js';
import type { FailureStage } from './stage.js';
import type { StreamStatus } from './streamStatus.js';

/** One partition of a source, now. Offsets are those of the next record. */
export interface PartitionSnapshot extends TopicPartition {
  /** After everything planned. */
  readonly planned: number;
  /** After everything saved: in complete batches whose progress is durable, or would be with a checkpoint. */
  readonly committed: number;
  /** The end of the log, as last heard. */
  readonly end: number;
  /** Bytes received and not handed to a batch yet. */
  readonly bufferedBytes: number;
  /** Records between `committed` and `end`, counted by offsets. */
  readonly lag: number;
  /** How far the newest record of a complete batch lies in the past, in ms; 0 without lag, `undefined` where unknown. */
  readonly behind?: number | undefined;
}

/** What a source that receives records itself holds, and how its receivers are, now. */
export interface ReceiverSnapshot extends Omit<ReceiverInfo, 'ignored'> {
  /** Blocks that no batch has taken yet. */
  readonly queuedBlocks: number;
  /** Bytes of the write-ahead log, where there is one that knows. */
  readonly writeAheadLogBytes?: number | undefined;
}

/** The client of a source, and what it is connected to. */
export interface SourceClient {
  /** The messaging system, such as `kafka`; `undefined` for a log in memory. */
  readonly system?: string | undefined;
  /** The client library, such as `kafkajs`. */
  readonly library?: string | undefined;
  /** The id that the client has at its brokers. */
  readonly clientId?: string | undefined;
  /** The id of the cluster. */
  readonly clusterId?: string | undefined;
  /** The consumer group under which offsets are committed. */
  readonly groupId?: string | undefined;
}

/** The bytes that the sources of a process share, now: see `kafkaRuntime`. */
export interface SharedBytes {
  /** The budget. */
  readonly maxBytes: number;
  /** What all of them hold, what is on its way to them included. */
  readonly usedBytes: number;
  /** The sources that share it. */
  readonly sources: number;
}

/** What a source knows of itself, now. */
export interface SourceSnapshot {
  /** The partitions that the source reads. */
  readonly partitions: readonly PartitionSnapshot[];
  /** Bytes received and not handed to a batch yet. */
  readonly bufferedBytes: number;
  /** Of a source that receives records itself. */
  readonly receiver?: ReceiverSnapshot | undefined;
  /** Of a source that reads through a client. */
  readonly client?: SourceClient | undefined;
  /** Of a source that shares its bound on bytes with others. */
  readonly sharedBytes?: SharedBytes | undefined;
}

/** One source of a stream, now. */
export interface InputSnapshot extends SourceSnapshot {
  /** The kind of the source, such as `kafkaBatches`. */
  readonly kind: string;
  /** The limit of the latest plan, in records per second; `undefined` where none applies. */
  readonly rate: number | undefined;
  /** Why, from a controller that explains its decisions. */
  readonly decision: RateDecision | undefined;
}

/** One batch between plan and save, now. */
export interface BatchSnapshot {
  /** The batch time. */
  readonly time: number;
  /** Records over all sources: by offsets as planned until it has been read. */
  readonly records: number;
  /** What the batch is doing. */
  readonly stage: FailureStage;
  /** When that stage began, in ms of the scheduler's clock. */
  readonly since: number;
}

/** The state of one operator, now. */
export interface StateSnapshot {
  /** The `id` of the state; `undefined` if it has none. */
  readonly id: string | undefined;
  /** The operator that keeps it. */
  readonly operator: string;
  /** Number of keys. */
  readonly entries: number;
  /** Bytes, where the store knows them. */
  readonly bytes?: number | undefined;
}

/** The checkpoint of a stream, now. */
export interface CheckpointSnapshot {
  /** Where the checkpoint is, such as a directory or a job. */
  readonly location: string;
  /** The time of the last saved batch. */
  readonly time: number | undefined;
  /** When it was saved by this run, in ms of the scheduler's clock. */
  readonly savedAt: number | undefined;
  /** Grows with each subscription that opens the checkpoint, where the store counts. */
  readonly generation?: number | undefined;
  /** Bytes on disk, where the store knows them. */
  readonly bytes?: number | undefined;
}

/** Everything that can be known of a stream at one moment. It is computed when asked for and costs nothing otherwise. */
export interface StreamSnapshot {
  /** The name of the stream. */
  readonly name: string;
  /** Now, in ms of the scheduler's clock. */
  readonly at: number;
  /** What the stream is doing. */
  readonly status: StreamStatus;
  /** Since when, in ms of the scheduler's clock. */
  readonly since: number;
  /** Why a stream that is `connecting` has to wait: another stream has its checkpoint. */
  readonly reason?: string | undefined;
  /** Progress of `recovering`: replayed batches that are complete, of all that the checkpoint had planned. */
  readonly recovery: { readonly done: number; readonly total: number } | undefined;
  /** How many subscriptions of this stream failed before this one. */
  readonly attempt: number;
  /** The batch interval in ms, now. */
  readonly interval: number;
  /** The last complete batch whose progress is saved. */
  readonly lastBatch: BatchInfo | undefined;
  /** Batches that are due or planned and not started. */
  readonly waiting: number;
  /** Batches that are being read, dispatched or written by outputs, oldest first. */
  readonly open: readonly BatchSnapshot[];
  /** Batches that are complete and being saved or committed, oldest first. */
  readonly saving: readonly BatchSnapshot[];
  /** By the name of the source. */
  readonly inputs: Readonly<Record<string, InputSnapshot>>;
  /** The state of each operator. */
  readonly state: readonly StateSnapshot[];
  /** The checkpoint; `undefined` without one. */
  readonly checkpoint: CheckpointSnapshot | undefined;
}
