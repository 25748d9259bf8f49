import { join } from 'node:path';
import { CorruptCheckpointError } from '../../batch/errors.js';
import { failpoint } from '../../storage/failpoint.js';
import type { FileSystem } from '../../storage/fileSystem.js';
import { readRecords } from '../../storage/readRecords.js';
import { type BeginRecord, type CheckpointRecord, RecoveredState, readRecord } from './recoveredState.js';

export const logPath = (directory: string, number: number) => join(directory, `changelog-${number}`);
export const snapshotPath = (directory: string, number: number) => join(directory, `snapshot-${number}`);

/** What a directory holds. */
export interface Recovery {
  readonly state: RecoveredState;
  /** The logs that count, oldest first, and where each ends. The next log begins with them. */
  readonly logs: readonly (readonly [number: number, end: number])[];
  /** Number of the newest snapshot; 0 when there is none. */
  readonly snapshot: number;
  readonly snapshotBytes: number;
  /** Above every number in use. */
  readonly next: number;
  /** Names of files that do not count any more. */
  readonly leftOver: readonly string[];
}

/**
 * Reads a checkpoint directory, and changes nothing in it: so a crash in the middle costs nothing.
 *
 * The newest snapshot comes first, then the logs from its number on. Each log begins with a list of those before it and
 * where they ended, so that the last one says what belongs to the checkpoint: a log that is missing or shorter is refused,
 * and what a process wrote after another had taken over is passed over.
 *
 * @throws {CorruptCheckpointError} naming file and offset
 */
export async function recoverFiles(fs: FileSystem, directory: string): Promise<Recovery> {
  const names = await fs.list(directory);
  const snapshot = Math.max(0, ...numbersOf(names, /^snapshot-(\d+)$/));
  const found = numbersOf(names, /^changelog-(\d+)$/).sort((a, b) => a - b);
  failpoint('recovery:listed');

  const state = new RecoveredState();
  const snapshotBytes = snapshot > 0 ? await readSnapshot(fs, snapshotPath(directory, snapshot), state) : 0;
  failpoint('recovery:snapshot-read');

  const last = await lastLog(fs, directory, found);
  const before = last?.begin.logs.filter(([number]) => number >= snapshot) ?? [];
  const expected = last ? [...before.map(([number]) => number), last.number] : [];
  if (last && snapshot < last.begin.snapshot) throw missing(snapshotPath(directory, last.begin.snapshot));
  const absent = expected.find((number) => !found.includes(number));
  if (absent !== undefined) throw missing(logPath(directory, absent));
  if (snapshot > 0 && !expected.includes(snapshot)) throw missing(logPath(directory, snapshot));
  for (const [number, end] of before) {
    await readRecords(fs, logPath(directory, number), { end }, (payload) => state.apply(readRecord(payload)));
  }
  for (const record of last?.records ?? []) state.apply(record);
  failpoint('recovery:read');
  return {
    state,
    logs: last ? [...before, [last.number, last.end]] : [],
    snapshot,
    snapshotBytes,
    next: Math.max(0, snapshot, ...found) + 1,
    leftOver: names.filter((name) => isLeftOver(name, snapshot, new Set(expected))),
  };
}

interface LastLog {
  readonly number: number;
  readonly begin: BeginRecord;
  readonly records: readonly CheckpointRecord[];
  readonly end: number;
}

/** The newest log with a whole first record: a process that died before that has written nothing into it. */
async function lastLog(fs: FileSystem, directory: string, found: readonly number[]): Promise<LastLog | undefined> {
  for (const number of [...found].reverse()) {
    const records: CheckpointRecord[] = [];
    const path = logPath(directory, number);
    const end = await readRecords(fs, path, { torn: true }, (payload) => records.push(readRecord(payload)));
    const [begin] = records;
    if (begin?.kind === 'begin') return { number, begin, records, end };
    if (begin) throw new CorruptCheckpointError(path, 0, 'it does not say what comes before it');
  }
  return undefined;
}

async function readSnapshot(fs: FileSystem, path: string, state: RecoveredState): Promise<number> {
  let ended = false;
  const end = await readRecords(fs, path, {}, (payload) => {
    const record = readRecord(payload);
    ended = record.kind === 'end';
    state.apply(record);
  });
  if (!ended) throw new CorruptCheckpointError(path, end, 'it ends before its last record');
  return end;
}

export function missing(path: string): CorruptCheckpointError {
  return new CorruptCheckpointError(path, 0, 'the file is missing');
}

/** The numbers in names of this pattern. */
export function numbersOf(names: readonly string[], pattern: RegExp): number[] {
  return names.flatMap((name) => pattern.exec(name)?.[1] ?? []).map(Number);
}

function isLeftOver(name: string, snapshot: number, logs: ReadonlySet<number>): boolean {
  const [, kind, number, temporary] = /^(snapshot|changelog|lock)-([\w-]+?)(\.tmp)?$/.exec(name) ?? [];
  if (temporary) return true;
  if (kind === 'snapshot') return Number(number) < snapshot;
  return kind === 'changelog' && !logs.has(Number(number));
}
