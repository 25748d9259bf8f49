import type { BatchInfo } from '../../batch/batchInfo.js';
import type { BatchPlanned } from '../../batch/monitoring/monitorEvents.js';
import type { BatchDetail, RangeRow, StageSpan } from '../wire/batchDetail.js';
import type { BatchRow } from '../wire/batchRow.js';

/** What opens under the row of a complete batch. */
export function completedDetail(row: BatchRow, info: BatchInfo, stages: readonly StageSpan[]): BatchDetail {
  const ranges = Object.entries(info.inputs).flatMap(([source, { ranges, partitions }]) =>
    (partitions ?? ranges).map((range): RangeRow => rangeRow(source, range)),
  );
  const { processingStartTime: start, fetchDelay, submissionTime: submitted } = info;
  const fetch = { kind: 'fetch', operator: undefined, id: undefined, count: 1, failed: false } as const;
  return { row, submitted, ranges, stages: [{ ...fetch, start, end: start + fetchDelay }, ...stages] };
}

/** What opens under the row of a batch that did not complete: as planned. */
export function unfinishedDetail(row: BatchRow, planned: BatchPlanned, stages: readonly StageSpan[]): BatchDetail {
  const ranges = Object.entries(planned.inputs).flatMap(([source, input]) =>
    input.ranges.map((range) => rangeRow(source, range)),
  );
  return { row, submitted: planned.submissionTime, ranges, stages };
}

function rangeRow(source: string, range: Omit<RangeRow, 'source'>): RangeRow {
  const { topic, partition, from, until, lag, behind } = range;
  return { source, topic, partition, from, until, lag, behind };
}
