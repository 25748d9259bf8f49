import { serialize } from 'node:v8';
import type { Key } from '../../batch/key.js';
import { failpoint } from '../../storage/failpoint.js';
import { writeFully } from '../../storage/fileSystem.js';
import type { LockedDirectory } from '../../storage/lockedDirectory.js';
import { frame, header } from '../../storage/recordFrame.js';
import type { LiveState, PlannedBatch } from '../checkpoint.js';
import { type CheckpointRecord, recordToBytes, type SavedRecord } from './checkpointRecord.js';

/** What goes into a snapshot. The states go on changing while it is written. */
export interface SnapshotContent {
  readonly last: Omit<SavedRecord, 'kind' | 'changes' | 'dropped'>;
  readonly planned: readonly PlannedBatch[];
  readonly states: readonly LiveState[];
}

export interface SnapshotControl {
  /** Asked between slices: whether to abandon the snapshot. */
  stopped(): boolean;
  /** Called after each slice. */
  pause(): Promise<unknown>;
  /**
   * Called behind the last slice: resolves with the time of the last batch when all that the slices have seen is saved; with `undefined` to
   * abandon it.
   */
  saved(): Promise<number | undefined>;
  /** Called when everything is on the disk, before it counts; `false` abandons it. */
  commit(): Promise<boolean>;
}

/** About how long encoding a slice should take at most: a batch that arrives at that moment has to wait. */
const sliceMs = 1;
const minSliceEntries = 16;
const firstSliceEntries = 256;
const maxSliceEntries = 4_096;
/** How much is written between two syncs, so that the sync of a batch does not have to wait for all of it. */
const bytesPerSync = 8 << 20;

/**
 * Writes a snapshot in slices, syncs it, and makes it count by renaming it. Returns its size in bytes, or `undefined` when it
 * was abandoned.
 */
export async function writeSnapshot(
  directory: LockedDirectory,
  number: number,
  content: SnapshotContent,
  control: SnapshotControl,
): Promise<number | undefined> {
  const name = `snapshot-${number}`;
  const temporary = `${name}.tmp`;
  const file = await directory.openFile(temporary, 'w');
  let kept = false;
  let size = 0;
  let unsyncedBytes = 0;
  try {
    const write = async (bytes: Uint8Array) => {
      await writeFully(file, bytes, size);
      size += bytes.length;
      unsyncedBytes += bytes.length;
      if (unsyncedBytes < bytesPerSync) return;
      await file.datasync();
      unsyncedBytes = 0;
    };
    failpoint('snapshot:begun');
    const mac = directory.macOf(name);
    await write(header(mac !== undefined));
    let sequence = 0;
    const writeRecord = async (record: CheckpointRecord) => {
      const bytes = recordToBytes(record);
      await write(frame([mac ? mac.add(bytes, sequence) : bytes], sequence++));
      failpoint('snapshot:slice');
    };
    for (const record of records(content)) {
      if (control.stopped()) return undefined;
      await writeRecord(record);
      await control.pause();
    }
    const time = await control.saved();
    if (time === undefined) return undefined;
    await writeRecord({ kind: 'end', time });
    failpoint('snapshot:before-sync');
    await file.sync();
    kept = await control.commit();
  } finally {
    try {
      await file.close();
    } finally {
      if (!kept) await directory.remove(temporary);
    }
  }
  if (!kept) return undefined;
  failpoint('snapshot:before-rename');
  await directory.rename(temporary, name);
  failpoint('snapshot:after-rename');
  await directory.sync();
  failpoint('snapshot:durable');
  return size;
}

function* records({ last, planned, states }: SnapshotContent): Iterable<CheckpointRecord> {
  yield { kind: 'saved', ...last, changes: [] };
  for (const plan of planned) yield { kind: 'planned', ...plan };
  for (const state of states) {
    const { id, operator, signature, version } = state;
    const encode = (set: Slice) => serialize({ id, operator, signature, version, set, deleted: [] });
    for (const change of slicesOf(state, encode)) yield { kind: 'saved', ...last, changes: [change] };
  }
}

type Slice = readonly (readonly [Key, unknown])[];

/**
 * The entries in slices, encoded, at least one. Entries added meanwhile need not be included, and are not waited for: a state
 * that grows faster than it is written would never end.
 */
function* slicesOf({ size, entries }: LiveState, encode: (slice: Slice) => Uint8Array): Iterable<Uint8Array> {
  let left = size();
  let length = firstSliceEntries;
  let slice: (readonly [Key, unknown])[] = [];
  for (const entry of entries()) {
    if (left-- <= 0) break;
    slice.push(entry);
    if (slice.length < length) continue;
    const begun = performance.now();
    const encoded = encode(slice);
    const msPerEntry = (performance.now() - begun) / length;
    // Never more than twice the last one: a slice that happens to be quick says little.
    length = Math.min(Math.max(Math.floor(sliceMs / msPerEntry), minSliceEntries), 2 * length, maxSliceEntries);
    slice = [];
    yield encoded;
  }
  yield encode(slice);
}
