import type { Fetched } from '../source.js';
import type { BatchCursor } from './batchCursor.js';

/** The counts of a batch as the driver takes them: what is 0 is absent. */
export function skippedRecords(
  counts: BatchCursor<unknown>['skipped'],
): Pick<Fetched<unknown>, 'skipped' | 'skippedBy'> {
  const skippedBy = Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
  const skipped = counts.malformed + counts.deserialization;
  return skipped > 0 ? { skipped, skippedBy } : {};
}
