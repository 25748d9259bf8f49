import type { Fetched } from '../sources/source.js';
import type { RunningBatch } from './runningBatch.js';

/** What was read for a batch that was given up: no records, and its ranges are lost. */
export function withoutRecords(
  batch: RunningBatch,
  fetched: ReadonlyMap<string, Fetched<unknown>>,
): ReadonlyMap<string, Fetched<unknown>> {
  const emptied = new Map<string, Fetched<unknown>>();
  for (const [name, { partitions, lost = [], failed: _, ...rest }] of fetched) {
    const given = batch.plans.get(name)?.ranges.filter(({ from, until }) => until > from) ?? [];
    const empty = partitions.map(({ offsets: _, ...same }) => ({ ...same, records: [] }));
    emptied.set(name, { ...rest, partitions: empty, records: 0, lost: [...lost, ...given] });
  }
  return emptied;
}
