import type { StageKind } from '../../batch/monitoring/stage.js';
import type { BatchRow } from './batchRow.js';

/** One partition of a batch. */
export interface RangeRow {
  readonly source: string;
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly until: number;
  /** Of a source that knows the ends of its partitions. */
  readonly lag?: number | undefined;
  /** In ms. */
  readonly behind?: number | undefined;
}

/** When a stage of a batch ran. The effects of one output on its partitions are one span. */
export interface StageSpan {
  /** `fetch` is no stage that a monitor wraps; its times are those of the batch. */
  readonly kind: StageKind | 'fetch';
  readonly operator: string | undefined;
  readonly id: string | undefined;
  /** Effects on partitions in it, where there are several. */
  readonly count: number;
  /** In ms of the scheduler's clock. */
  readonly start: number;
  readonly end: number;
  readonly failed: boolean;
}

/** What opens under a row of the table. */
export interface BatchDetail {
  readonly row: BatchRow;
  /** When it was planned, in ms of the scheduler's clock. */
  readonly submitted: number;
  readonly ranges: readonly RangeRow[];
  readonly stages: readonly StageSpan[];
}
