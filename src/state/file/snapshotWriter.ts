import { serialize } from 'node:v8';
import type { Key } from '../../batch/key.js';
import { failpoint } from '../../storage/failpoint.js';
import { type FileSystem, writeFully } from '../../storage/fileSystem.js';
import { frame, header } from '../../storage/recordFrame.js';
import { syncDirectory } from '../../storage/syncDirectory.js';
import type { LiveState, PlannedBatch } from '../checkpoint.js';
import { snapshotPath } from './fileRecovery.js';
import type { CheckpointRecord, SavedRecord } from './recoveredState.js';

/** What a snapshot is made of. The states go on changing while it is written. */
export interface SnapshotContent {
  readonly last: Omit<SavedRecord, 'kind' | 'changes'>;
  readonly planned: readonly PlannedBatch[];
  readonly states: readonly LiveState[];
}

export interface SnapshotControl {
  /** Asked between slices: the snapshot is given up. */
  stopped(): boolean;
  /** Called after each slice. */
  pause(): Promise<unknown>;
  /** Called when everything is on the disk, before it counts; `false` gives it up. */
  commit(): Promise<boolean>;
}

/** A slice should take at most about this long to encode, ms: a batch that comes at that moment has to wait. */
const sliceTime = 1;
/** So much is written between two syncs, lest the sync of a batch has to wait for all of it. */
const syncBytes = 8 << 20;

/**
 * Writes a snapshot in slices, syncs it, and lets it count by giving it its name. Gives its size; `undefined` when it was
 * given up.
 */
export async function writeSnapshot(
  fs: FileSystem,
  directory: string,
  number: number,
  content: SnapshotContent,
  control: SnapshotControl,
): Promise<number | undefined> {
  const path = snapshotPath(directory, number);
  const file = await fs.open(`${path}.tmp`, 'w');
  let kept = false;
  let size = 0;
  let unsynced = 0;
  try {
    const write = async (bytes: Uint8Array) => {
      await writeFully(file, bytes, size);
      size += bytes.length;
      unsynced += bytes.length;
      if (unsynced < syncBytes) return;
      await file.datasync();
      unsynced = 0;
    };
    failpoint('snapshot:begun');
    await write(header());
    let sequence = 0;
    for (const record of records(content)) {
      if (control.stopped()) return undefined;
      await write(frame([serialize(record)], sequence++));
      failpoint('snapshot:slice');
      await control.pause();
    }
    failpoint('snapshot:before-sync');
    await file.sync();
    kept = await control.commit();
  } finally {
    try {
      await file.close();
    } finally {
      if (!kept) await fs.remove(`${path}.tmp`);
    }
  }
  if (!kept) return undefined;
  failpoint('snapshot:before-rename');
  await fs.rename(`${path}.tmp`, path);
  failpoint('snapshot:after-rename');
  await syncDirectory(directory, fs);
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
  yield { kind: 'end' };
}

type Slice = readonly (readonly [Key, unknown])[];

/**
 * The entries in slices, encoded, at least one. What is added while this goes on need not be in it, and is not waited for: a state
 * that grows faster than it is written would never end.
 */
function* slicesOf({ size, entries }: LiveState, encode: (slice: Slice) => Uint8Array): Iterable<Uint8Array> {
  let left = size();
  let length = 256;
  let slice: (readonly [Key, unknown])[] = [];
  for (const entry of entries()) {
    if (left-- <= 0) break;
    slice.push(entry);
    if (slice.length < length) continue;
    const begun = performance.now();
    const encoded = encode(slice);
    const perEntry = (performance.now() - begun) / length;
    // Never much longer than the last one: one that happens to be quick tells little.
    length = Math.min(Math.max(Math.floor(sliceTime / perEntry), 16), 2 * length, 4_096);
    slice = [];
    yield encoded;
  }
  yield encode(slice);
}
