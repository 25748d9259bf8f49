import type { Fetched } from '../source.js';
import type { BatchCursor } from './batchCursor.js';

/** The counts of a batch as the driver takes them: what is 0 is absent. */
export function skippedRecords(
  counts: BatchCursor<unknown>['skipped'],
): Pick<Fetched<unknown>, 'skipped' | 'skippedBy'> {
  const skipped = counts.malformed + counts.deserialization;
  if (skipped === 0) return {};
  return { skipped, skippedBy: Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)) };
}
