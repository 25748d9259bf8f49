import { CorruptCheckpointError } from '../../batch/errors.js';
import type { Directory } from '../../storage/directory.js';
import { failpoint } from '../../storage/failpoint.js';
import { missingFile, numbersOf, SegmentFiles } from '../../storage/segmentFiles.js';
import type { FinishedSegment } from '../../storage/segmentFormat.js';
import { type CheckpointRecord, changelogFormat, recordFromBytes } from './checkpointRecord.js';
import { RecoveredState } from './recoveredState.js';

/** What a directory holds. */
export interface Recovery {
  readonly state: RecoveredState;
  /** The changelogs that count, oldest first. */
  readonly changelogs: readonly FinishedSegment[];
  /** Number of the newest snapshot; 0 when none exists. */
  readonly snapshot: number;
  readonly snapshotBytes: number;
  /** Above every number in use. */
  readonly nextNumber: number;
  /** Names of files that do not count any more. */
  readonly leftOver: readonly string[];
}

/**
 * Reads a checkpoint directory: the newest snapshot first, then the changelogs from its number on.
 *
 * @throws {CorruptCheckpointError} naming file and offset
 */
export async function recoverFiles(directory: Directory): Promise<Recovery> {
  const names = await directory.names();
  const snapshots = numbersOf(names, 'snapshot');
  const snapshot = snapshots.at(-1) ?? 0;
  const files = new SegmentFiles(directory, changelogFormat, names);
  failpoint('recovery:listed');

  const state = new RecoveredState();
  const read = snapshot > 0 ? await readSnapshot(directory, snapshot, state) : { bytes: 0, until: undefined };
  failpoint('recovery:snapshot-read');

  const records: CheckpointRecord[] = [];
  const last = await files.readLast(() => (payload) => records.push(recordFromBytes(payload)));
  const before = last?.begin.before.filter(({ number }) => number >= snapshot) ?? [];
  const changelogs = last ? [...before, { number: last.number, end: last.end }] : [];
  if (last && snapshot < last.begin.snapshot) {
    throw missingFile(directory.pathOf(`snapshot-${last.begin.snapshot}`));
  }
  for (const { number } of changelogs) files.checkPresent(number);
  const kept = new Set(changelogs.map(({ number }) => number));
  if (snapshot > 0 && !kept.has(snapshot)) throw missingFile(files.pathOf(snapshot));
  for (const changelog of before) {
    await files.read(changelog, () => (payload) => state.apply(recordFromBytes(payload)));
  }
  for (const record of records) state.apply(record);
  if (last && read.until !== undefined && (state.last?.time ?? -Infinity) < read.until) {
    const reason = `it ends before the batch of time ${read.until}, which the snapshot has`;
    throw new CorruptCheckpointError(files.pathOf(last.number), last.end, reason);
  }
  failpoint('recovery:read');
  return {
    state,
    changelogs,
    snapshot,
    snapshotBytes: read.bytes,
    nextNumber: Math.max(snapshot, files.numbers.at(-1) ?? 0) + 1,
    leftOver: [
      ...files.leftOver(kept),
      ...names.filter((name) => /^snapshot-\d+\.tmp$/.test(name)),
      ...snapshots.filter((number) => number < snapshot).map((number) => `snapshot-${number}`),
    ],
  };
}

/** Returns its size, and the newest batch that entries in it may be of. */
async function readSnapshot(directory: Directory, number: number, state: RecoveredState) {
  const name = `snapshot-${number}`;
  let ended = false;
  let until: number | undefined;
  const end = await directory.readRecords(name, {}, (payload) => {
    const record = recordFromBytes(payload);
    ended = record.kind === 'end';
    if (record.kind === 'end') until = record.time;
    state.apply(record);
  });
  if (!ended) throw new CorruptCheckpointError(directory.pathOf(name), end, 'it ends before its last record');
  return { bytes: end, until };
}
