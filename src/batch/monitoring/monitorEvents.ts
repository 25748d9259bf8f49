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

/** One request for records to one broker, and its answer. */
export interface FetchEvent {
  /** The name of the source. */
  readonly source: string;
  /** The broker, as its client names it: a node id for Kafka, `''` for a log without brokers. */
  readonly broker: string;
  /** What was asked for: where each partition is read from, and at most how many bytes. */
  readonly partitions: readonly (TopicPartitionOffset & { readonly maxBytes: number })[];
  /** When it was sent, in ms of the scheduler's clock. */
  readonly startTime: number;
  /** From the request to the end of the answer, in ms. */
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

/** How a subscription ended. */
export interface StreamEnd {
  /** `completed`: the source ended. `stopped`: after `stop()`. `unsubscribed`: the subscriber left. */
  readonly reason: 'completed' | 'stopped' | 'unsubscribed' | 'failed';
  /** When, in ms of the scheduler's clock. */
  readonly at: number;
  /** The error, of `failed`. */
  readonly error?: unknown;
}
