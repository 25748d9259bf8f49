import type { EventTimeCounts } from '../../batch/batchInfo.js';
import type { PartitionEventTime } from '../../batch/eventTimeProgress.js';
import type { ReceiverStatus } from '../../batch/monitoring/receiverStatus.js';
import type { FailureStage } from '../../batch/monitoring/stage.js';
import type {
  CheckpointSnapshot,
  ReceiverSnapshot,
  StateSnapshot,
  StreamSnapshot,
} from '../../batch/monitoring/streamSnapshot.js';
import type { LearnedCost, RateRule, RateWarning } from '../../batch/rateDecision.js';

/** One partition, with the name of its source. Offsets are those of the next record. */
export interface PartitionView {
  readonly source: string;
  readonly topic: string;
  readonly partition: number;
  readonly planned: number;
  readonly committed: number;
  readonly end: number;
  readonly lag: number;
  /** In ms; `undefined` where unknown. */
  readonly behind: number | undefined;
  readonly bufferedBytes: number;
}

/** Partitions summed up. */
export interface PartitionSum {
  readonly count: number;
  readonly lag: number;
  /** Of the partition that is furthest behind, in ms; `undefined` where none is known. */
  readonly behind: number | undefined;
  readonly bufferedBytes: number;
}

/** The decision on the rate of the batch planned last. */
export interface DecisionView {
  readonly controller: string;
  readonly rule: RateRule;
  readonly model: LearnedCost | undefined;
  readonly warnings: readonly RateWarning[];
}

/** One receiver of a source; of what it met, the code or class only, as errors quote records, also in their fields. */
export interface ReceiverView extends Omit<ReceiverStatus, 'error'> {
  readonly code: string | undefined;
}

/** What a source that receives records itself holds, and its receivers. */
export interface ReceiversView extends Omit<ReceiverSnapshot, 'receivers'> {
  readonly receivers: readonly ReceiverView[];
}

/** One source. */
export interface InputView {
  readonly name: string;
  readonly kind: string;
  readonly partitions: number;
  /** Those that could not be read for the last complete batch, and since when; `undefined` where all could. */
  readonly unavailable: { readonly count: number; readonly since: number } | undefined;
  readonly lag: number;
  readonly bufferedBytes: number;
  readonly rate: number | undefined;
  readonly decision: DecisionView | undefined;
  readonly receiver: ReceiversView | undefined;
}

/** The effects of one output on a batch that are under way. */
export interface RunningEffects {
  readonly operator: string | undefined;
  /** The `id` of the output. */
  readonly id: string | undefined;
  /** How many: of an output on partitions several may be. */
  readonly count: number;
}

/** A batch between plan and save. */
export interface OpenBatchView {
  readonly time: number;
  readonly records: number;
  readonly stage: FailureStage | 'waiting';
  /** When that stage began, in ms of the scheduler's clock. */
  readonly since: number;
  /** In the stage `effect`, those that began first. */
  readonly effects: readonly RunningEffects[];
}

/** The event time of one partition. */
export interface EventPartitionView {
  /** With the `id` of its `eventTime` where there are several; the last one may be a number of further partitions. */
  readonly partition: string;
  /** Its newest event time, in ms; `undefined` before its first record. */
  readonly newest: number | undefined;
  /** How much older that is than the newest of all partitions, in ms. */
  readonly behind: number | undefined;
  readonly status: PartitionEventTime['status'] | 'holds it back' | '';
}

/** How far event time is after the last complete batch. */
export interface EventTimeView {
  /** Of each `eventTime` of the stream, in ms; `undefined` before there is one, and when everything has been read. */
  readonly watermarks: readonly { readonly id: string | undefined; readonly watermark: number | undefined }[];
  /** Those that hold the watermark back first. */
  readonly partitions: readonly EventPartitionView[];
  /** Late and invalid records since the board has watched. */
  readonly counts: EventTimeCounts;
}

/** A `StreamSnapshot` as the page shows it: bounded in size, whatever the number of partitions and waiting batches. */
export interface StreamView
  extends Pick<
    StreamSnapshot,
    'name' | 'at' | 'status' | 'since' | 'reason' | 'recovery' | 'attempt' | 'interval' | 'waiting'
  > {
  /** When a stream that has failed starts again by itself, in ms of the scheduler's clock; `undefined` where that is not known. */
  readonly restart: { readonly at: number; readonly attempt: number } | undefined;
  /** The time of the last complete batch. */
  readonly lastBatch: number | undefined;
  /** Batches that are open, being saved or planned, oldest first, as far as they are shown. */
  readonly open: readonly OpenBatchView[];
  /** Batches that are open, being saved or waiting and not in `open`. */
  readonly moreOpen: number;
  /** Of all partitions. */
  readonly total: PartitionSum;
  readonly inputs: readonly InputView[];
  /** The partitions with the largest lag, largest first. */
  readonly partitions: readonly PartitionView[];
  /** The rest; `undefined` where all are in `partitions`. */
  readonly otherPartitions: PartitionSum | undefined;
  /** `undefined` where the stream has no event time. */
  readonly eventTime: EventTimeView | undefined;
  readonly state: readonly StateSnapshot[];
  readonly checkpoint: CheckpointSnapshot | undefined;
}
