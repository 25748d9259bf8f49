import type { BatchInfo, InputInfo } from '../../batch/batchInfo.js';
import type { BatchPlanned, PlannedInput } from '../../batch/monitoring/monitorEvents.js';
import type { FailureStage } from '../../batch/monitoring/stage.js';
import { sumOf } from '../../collections/sumOf.js';
import type { BatchRate, BatchRow } from '../wire/batchRow.js';
import { plannedRecords } from './viewOf.js';

/** The row of a complete batch; `deadLettered` of its records were handed to dead letters. */
export function completedRow(id: string, info: BatchInfo, attempt: number, deadLettered: number): BatchRow {
  const inputs = Object.values(info.inputs);
  const known = inputs.filter(({ bytes }) => bytes !== undefined);
  return {
    id,
    time: info.time,
    interval: info.interval,
    attempt,
    result: 'completed',
    records: info.records,
    bytes: known.length > 0 ? sumOf(known, ({ bytes = 0 }) => bytes) : undefined,
    skipped: sumOf(inputs, ({ skipped = 0 }) => skipped),
    lost: sumOf(inputs, lostOffsets),
    deadLettered,
    lag: sumOf(inputs, ({ lag }) => lag),
    rate: rateOf(inputs),
    delays: {
      scheduling: info.schedulingDelay,
      processing: info.processingDelay,
      total: info.totalDelay,
      fetch: info.fetchDelay,
      dispatch: info.dispatchDelay,
      // Reading may overlap with waiting for another stream, which is no part of `processingDelay`.
      effect: Math.max(info.processingDelay - info.fetchDelay - info.dispatchDelay, 0),
      save: info.saveDelay,
    },
  };
}

/** The row of a batch that failed, or whose subscription ended before it was complete. */
export function unfinishedRow(
  id: string,
  planned: BatchPlanned,
  attempt: number,
  result: 'failed' | 'aborted',
  stage?: FailureStage,
): BatchRow {
  const inputs = Object.values(planned.inputs);
  return {
    id,
    time: planned.time,
    interval: planned.interval,
    attempt,
    result,
    stage,
    records: plannedRecords(planned.inputs),
    bytes: undefined,
    skipped: 0,
    lost: 0,
    deadLettered: 0,
    lag: sumOf(inputs, ({ lag }) => lag),
    rate: rateOf(inputs),
  };
}

function rateOf(inputs: readonly (InputInfo | PlannedInput)[]): BatchRate {
  const limited = inputs.filter(({ rate }) => rate !== undefined);
  const lowest = limited.sort((a, b) => (a.rate ?? 0) - (b.rate ?? 0))[0];
  const { controller, rule, warnings = [] } = lowest?.decision ?? {};
  return { limit: lowest?.rate, controller, rule, warnings };
}

function lostOffsets({ lost = [] }: InputInfo): number {
  return sumOf(lost, ({ from, until }) => until - from);
}
