import type { Plan } from '../sources/source.js';
import type { PlannedRange } from '../state/checkpoint.js';

/** The ranges of a plan as they are saved: with its limits, as long as none of its records may have been handed out. */
export function savedRanges({ ranges, limits }: Plan): readonly PlannedRange[] {
  if (!limits) return ranges;
  const { maxBytes } = limits;
  return ranges.map((range, i) => {
    const maxRecords = limits.maxRecords[i] ?? Infinity;
    // Also where the range has fewer offsets: it may begin sooner, if the batch before it is cut short.
    return Number.isFinite(maxRecords) ? { ...range, maxBytes, maxRecords } : { ...range, maxBytes };
  });
}

/** The plan that was saved as these ranges. */
export function restoredPlan(saved: readonly PlannedRange[]): Plan {
  const ranges = saved.map(({ maxBytes: _, maxRecords: __, ...range }) => range);
  const maxBytes = saved[0]?.maxBytes;
  if (maxBytes === undefined) return { ranges, lag: 0 };
  const maxRecords = saved.map((range) => range.maxRecords ?? Infinity);
  return { ranges, lag: 0, limits: { maxBytes, maxRecords } };
}
