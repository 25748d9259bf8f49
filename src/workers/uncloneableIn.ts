import type { RecordPlace } from '../batch/errors.js';
import type { Partition } from '../batch/partition.js';
import { isCloneable } from './isCloneable.js';

/** The first record of a partition that structured clone refuses, and where it was read from. */
export function uncloneableIn({ index, records, range, offsets }: Partition<unknown>): {
  readonly record: unknown;
  readonly place: RecordPlace;
} {
  const i = records.findIndex((record) => !isCloneable(record));
  if (i === -1 || !range) return { record: records[i], place: { index } };
  const { topic, partition, from, until } = range;
  // Without offsets of their own the records are those of the range only if there are as many.
  const offset = offsets?.[i] ?? (records.length === until - from ? from + i : undefined);
  return { record: records[i], place: { index, topic, partition, offset } };
}
