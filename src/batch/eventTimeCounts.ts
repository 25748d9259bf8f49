import type { BatchContext } from './batchContext.js';
import type { EventTimeCounts } from './batchInfo.js';
import type { EventTimeProgress } from './eventTimeProgress.js';

const byContext = new WeakMap<BatchContext, EventTimeCounts>();
const progressByContext = new WeakMap<BatchContext, readonly EventTimeProgress[]>();
const none: EventTimeCounts = { late: 0, partlyLate: 0, invalid: 0 };

/** Adds to the counts of a batch: its `BatchInfo` shows them. */
export function addEventTimeCounts(context: BatchContext, added: Partial<EventTimeCounts>): void {
  const { late, partlyLate, invalid } = byContext.get(context) ?? none;
  byContext.set(context, {
    late: late + (added.late ?? 0),
    partlyLate: partlyLate + (added.partlyLate ?? 0),
    invalid: invalid + (added.invalid ?? 0),
  });
}

/** The counts of a batch; `undefined` where no operator by event time has seen it. */
export function eventTimeCountsOf(context: BatchContext): EventTimeCounts | undefined {
  return byContext.get(context);
}

/** Adds how far event time is after a batch, of one operator. */
export function addEventTimeProgress(context: BatchContext, progress: EventTimeProgress): void {
  progressByContext.set(context, [...(progressByContext.get(context) ?? []), progress]);
}

/** How far event time is after a batch, of each operator that reads it; `undefined` without such an operator. */
export function eventTimeProgressOf(context: BatchContext): readonly EventTimeProgress[] | undefined {
  return progressByContext.get(context);
}
