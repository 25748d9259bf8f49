import type { Plan } from '../sources/source.js';
import type { PlannedRange } from '../state/checkpoint.js';

/** The ranges of a plan as they are saved: with its limits, as long as none of its records may have been handed out. */
export function savedRanges({ ranges, limits }: Plan): readonly PlannedRange[] {
  if (!limits) return ranges;
  const { maxBytes } = limits;
  return ranges.map((range, i) => {
    const maxRecords = limits.maxRecords[i] ?? Infinity;
    // A range cannot have more records than offsets.
    return maxRecords < range.until - range.from ? { ...range, maxBytes, maxRecords } : { ...range, maxBytes };
  });
}

/** The plan that was saved as these ranges. */
export function restoredPlan(saved: readonly PlannedRange[]): Plan {
  const ranges = saved.map(({ maxBytes: _, maxRecords: __, ...range }) => range);
  const maxBytes = saved[0]?.maxBytes;
  if (maxBytes === undefined) return { ranges, lag: 0 };
  const maxRecords = saved.map((range) => range.maxRecords ?? range.until - range.from);
  return { ranges, lag: 0, limits: { maxBytes, maxRecords } };
}
