import type { ChangelogPosition, ChangelogState } from './changelog.js';
import type { CopyMark } from './localCopy.js';

/** From where a log is read without a copy. */
export const beginning: ChangelogPosition = { offset: 0 };

/** Why no copy can be kept of a log without an id. */
export const withoutId = 'brokers do not say the id of the topic, so that one created again would not be noticed';

/** Why a copy must not be used; `undefined` for one that may be. */
export function flawOf(
  mark: CopyMark,
  { id, begin, end, cutAt, tombstonesMs }: ChangelogState,
  now: number,
): string | undefined {
  if (mark.log !== id) return 'it is of a topic of this name that was deleted';
  if (mark.offset < begin) return `it ends at offset ${mark.offset}, and the partition begins at ${begin}`;
  if (mark.offset > end) return `it ends at offset ${mark.offset}, and the partition at ${end}`;
  if (cutAt !== undefined)
    return `it ends at offset ${mark.offset}, and the partition was cut at ${cutAt} and written again`;
  if (tombstonesMs === undefined)
    return 'the delete.retention.ms of the topic cannot be read, so that deletions may be missing';
  const age = now - mark.at;
  if (age < 0) return 'it is of a later time than now';
  // Half of it, for clocks that differ and for the time that reading takes.
  if (age > tombstonesMs / 2) {
    return `it is ${Math.round(age / 1_000)} s old, and deletions may be gone after ${tombstonesMs / 1_000} s (delete.retention.ms)`;
  }
  return undefined;
}
