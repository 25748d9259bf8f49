import type { BatchContext } from './batchContext.js';
import type { EventTimeCounts } from './batchInfo.js';

const byContext = new WeakMap<BatchContext, EventTimeCounts>();
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
