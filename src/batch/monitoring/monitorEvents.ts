import type { BatchInfo, InputInfo } from '../batchInfo.js';
import type { OffsetRange } from '../offsetRange.js';
import type { RateDecision } from '../rateDecision.js';
import type { TopicPartitionOffset } from '../topicPartition.js';
import type { FailureStage } from './stage.js';

/** What was planned of one source. */
export interface PlannedInput {
  /** The offset ranges of the batch. */
  readonly ranges: readonly OffsetRange[];
  /** Records that wait in the source beyond these ranges. */
  readonly lag: number;
  /** The limit that applied, in records per second. */
  readonly rate?: number | undefined;
  /** Why that rate, from a controller that explains its decisions. */
  readonly decision?: RateDecision | undefined;
}

/** A batch whose offset ranges are fixed. */
export interface BatchPlanned {
  /** The batch time. */
  readonly time: number;
  /** The batch interval in ms. */
  readonly interval: number;
  /** When it was planned, in ms of the scheduler's clock. */
  readonly submissionTime: number;
  /** Whether a checkpoint had planned it before this run. */
  readonly replayed: boolean;
  /** By the name of the source. */
  readonly inputs: Readonly<Record<string, PlannedInput>>;
}

/** A batch whose records have been read; its dispatch follows. */
export interface BatchRead extends Pick<BatchInfo, 'time' | 'interval' | 'submissionTime' | 'processingStartTime'> {
  /** Records over all sources. */
  readonly records: number;
  /** By the name of the source. */
  readonly inputs: Readonly<Record<string, InputInfo>>;
  /** The `traceparent` headers of the records, where a monitor asks for them by `maxTraceParents`: distinct, first come. */
  readonly traceParents: readonly string[];
}

/** One request for records to one broker, and its answer. */
export interface FetchEvent {
  /** The name of the source. */
  readonly source: string;
  /** The broker, as its client names it: a node id for Kafka, `''` for a log without brokers. */
  readonly broker: string;
  /** The host of the broker, where the client knows it. */
  readonly host?: string | undefined;
  /** The port of the broker, where the client knows it. */
  readonly port?: number | undefined;
  /** What was asked for: where each partition is read from, and at most how many bytes. */
  readonly partitions: readonly (TopicPartitionOffset & { readonly maxBytes: number })[];
  /** What arrived: the offset range of each partition that returned records. */
  readonly received: readonly OffsetRange[];
  /** When it was sent, in ms of the scheduler's clock. */
  readonly startTime: number;
  /** From the request to the end of the answer, in ms: with the time that it has waited for records, where it was sent before there were any. */
  readonly duration: number;
  /** Bytes of records received. */
  readonly bytes: number;
  /** How long the broker asks to be left alone because a quota is used up, in ms. The client waits that long. */
  readonly throttleTime: number;
  /** Why the request failed, where it did. */
  readonly error?: unknown;
}

/** Why a stream failed. */
export interface BatchFailure {
  /** The time of the batch that failed; `undefined` where none was in work. */
  readonly time: number | undefined;
  /** What the batch was doing when it failed. */
  readonly stage: FailureStage;
  /** The operator or output that failed, where one did. */
  readonly operator?: string | undefined;
  /** Its `id`, where it has one. */
  readonly id?: string | undefined;
  /** What it failed with. */
  readonly error: unknown;
  /** How many subscriptions of this stream had failed before this one. */
  readonly attempt: number;
}

/** An effect on a partition failed and will run again. */
export interface PartitionRetried {
  /** The batch time. */
  readonly time: number;
  /** The output that runs the effect. */
  readonly operator: string;
  /** Its `id`, where it has one. */
  readonly id?: string | undefined;
  /** The index of the partition. */
  readonly partition: number;
  /** The number of the attempt that failed, from 1. */
  readonly attempt: number;
  /** What the attempt failed with. */
  readonly error: unknown;
}

/** An output wrote records to a topic, or failed to. */
export interface RecordsSent {
  /** The batch time. */
  readonly time: number;
  /** The output. */
  readonly operator: string;
  /** Its `id`, where it has one. */
  readonly id?: string | undefined;
  /** The messaging system, such as `kafka`. */
  readonly system: string;
  /** The topic. */
  readonly topic: string;
  /** Number of records. */
  readonly records: number;
  /** When it began, in ms of the scheduler's clock. */
  readonly startTime: number;
  /** Until the records were acknowledged, or their transaction committed, in ms. */
  readonly duration: number;
  /** Why it failed, where it did. */
  readonly error?: unknown;
}

/** Records that failed permanently were handed to a dead-letter Observer or topic, and the batch goes on. */
export interface RecordsDeadLettered {
  /** The batch time. */
  readonly time: number;
  /** The operator or output that failed. */
  readonly operator: string;
  /** Its `id`, where it has one. */
  readonly id?: string | undefined;
  /** Number of records. */
  readonly records: number;
  /** What they failed with. */
  readonly error: unknown;
}

/** A write-ahead log appended a group of records and made it durable, or failed to. */
export interface LogSynced {
  /** The name of the source. */
  readonly source: string;
  /** Number of records. */
  readonly records: number;
  /** When it began, in ms of the scheduler's clock. */
  readonly startTime: number;
  /** Until the records were durable, in ms. */
  readonly duration: number;
  /** Why it failed, where it did. */
  readonly error?: unknown;
}

/** A stream has failed and starts again by itself (`retry`). */
export interface StreamRestart {
  /** The time of the batch that failed; `undefined` where none was in work. */
  readonly time: number | undefined;
  /** Restarts with no batch getting through, this one included. */
  readonly attempt: number;
  /** How long it waits before, in ms. */
  readonly delay: number;
  /** What it failed with. */
  readonly error: unknown;
}

/** How a subscription ended. */
export interface StreamEnd {
  /** `completed`: the source ended. `stopped`: after `stop()`. `unsubscribed`: the subscriber left. */
  readonly reason: 'completed' | 'stopped' | 'unsubscribed' | 'failed';
  /** When, in ms of the scheduler's clock. */
  readonly at: number;
  /** The error, of `failed`. */
  readonly error?: unknown;
}
