import type { ChangelogPosition, ChangelogState } from './changelog.js';
import type { CopyMark } from './localCopy.js';

/** From where a log is read without a copy. */
export const beginning: ChangelogPosition = { offset: 0 };

/** Why no copy can be kept of a log without an id. */
const withoutId = 'brokers do not say the id of the topic, so that one created again would not be noticed';

/** Why no copy can be kept of a log of which this cannot be read. The default of brokers would not be safe: a topic may have less, and keys would come back. */
const withoutRetention =
  'the delete.retention.ms of the topic may not be read (DescribeConfigs), so that deletions may be missing';

/** Why a copy is not used while this cannot be asked. */
export const retentionUnknown =
  'the delete.retention.ms of the topic cannot be read now, so that deletions may be missing';

/** Why no copy of the log could ever be used, whatever is in it; `undefined` where one may be. */
export function lackOf({ id, tombstonesMs }: ChangelogState): string | undefined {
  if (id === undefined) return withoutId;
  return tombstonesMs === undefined ? withoutRetention : undefined;
}

/** Whether this is a reason that concerns all partitions of a topic alike. */
export function isOfTopic(reason: string): boolean {
  return reason === withoutId || reason === withoutRetention;
}

/** For how long tombstones are there, as of the last answer, in ms; `undefined` where there has been none. */
export function knownTombstonesMs(mark: CopyMark | undefined, { tombstonesMs }: ChangelogState): number | undefined {
  return tombstonesMs === 'unknown' ? mark?.tombstonesMs : tombstonesMs;
}

/** Whether no tombstone that came after the mark of a copy can be gone: half of the time, for clocks that differ and for the time that reading takes. */
export function isYoung(at: number, tombstonesMs: number, now: number): boolean {
  return now >= at && now - at <= tombstonesMs / 2;
}

/** Why a copy of a log that lacks nothing must not be used; `undefined` for one that may be. */
export function flawOf(mark: CopyMark, state: ChangelogState, now: number): string | undefined {
  const { id, begin, end, cutAt } = state;
  if (mark.log !== id) return 'it is of a topic of this name that was deleted';
  if (mark.offset < begin) return `it ends at offset ${mark.offset}, and the partition begins at ${begin}`;
  if (mark.offset > end) return `it ends at offset ${mark.offset}, and the partition at ${end}`;
  if (cutAt !== undefined)
    return `it ends at offset ${mark.offset}, and the partition was cut at ${cutAt} and written again`;
  const tombstonesMs = knownTombstonesMs(mark, state);
  if (tombstonesMs === undefined) return retentionUnknown;
  const age = now - mark.at;
  if (age < 0) return 'it is of a later time than now';
  if (!isYoung(mark.at, tombstonesMs, now)) {
    return `it is ${Math.round(age / 1_000)} s old, and deletions may be gone after ${tombstonesMs / 1_000} s (delete.retention.ms)`;
  }
  return undefined;
}
