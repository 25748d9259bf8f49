import { type ChangelogRecord, recordOf } from '../../src/state/kafka/changelog.js';

/** Hands out a record whose bytes are overwritten afterwards, as those of a response. */
export function visitOnce(record: ChangelogRecord, visit: (record: ChangelogRecord) => void): void {
  const once = recordOf(record);
  visit(once);
  once.key.fill(0xaa);
  once.value?.fill(0xaa);
}
