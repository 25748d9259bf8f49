import { open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { deserialize, serialize } from 'node:v8';
import { from, type ObservableInput } from 'rxjs';
import { CheckpointError, CorruptCheckpointError } from '../../batch/errors.js';
import type { CheckpointSession, PlannedBatch, RestoredCheckpoint, SavedBatch, StateChange } from '../checkpoint.js';
import { frame, header, LogWriter, readRecords } from './recordLog.js';
import { type EncodedChange, encodeChange, type PlannedRecord, type SavedRecord, SavedState } from './savedState.js';
import { syncDirectory } from './syncDirectory.js';

// Files are numbered: `changelog-N` has what came after `snapshot-N` was begun. A snapshot is complete once it has its name
// (it is written as `snapshot-N.tmp`), and only then are older files deleted. To recover: the newest snapshot, then every
// changelog from its number on, in order.

const changelogName = /^changelog-(\d+)$/;
const snapshotName = /^snapshot-(\d+)$/;

/** An opened checkpoint directory. */
export class FileSession implements CheckpointSession {
  readonly restored: RestoredCheckpoint | undefined;
  readonly #directory: string;
  readonly #snapshotBytes: number;
  readonly #unlock: () => Promise<void>;
  readonly #state: SavedState;
  #number: number;
  #log: LogWriter;
  #lastSnapshot = 0;
  #snapshot: Promise<void> | undefined;
  /** The last append: it never rejects. */
  #tail: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(
    directory: string,
    snapshotBytes: number,
    unlock: () => Promise<void>,
    recovered: { readonly state: SavedState; readonly number: number; readonly log: LogWriter },
  ) {
    this.#directory = directory;
    this.#snapshotBytes = snapshotBytes;
    this.#unlock = unlock;
    this.#state = recovered.state;
    this.#number = recovered.number;
    this.#log = recovered.log;
    this.restored = recovered.state.restored();
  }

  static async open(directory: string, snapshotBytes: number, unlock: () => Promise<void>): Promise<FileSession> {
    return new FileSession(directory, snapshotBytes, unlock, await recover(directory));
  }

  encode(change: StateChange): EncodedChange {
    return encodeChange(change);
  }

  plan(batch: PlannedBatch): ObservableInput<unknown> {
    return from(this.#append({ kind: 'planned', ...batch }));
  }

  save({ changes, ...batch }: SavedBatch): ObservableInput<unknown> {
    return from(this.#append({ kind: 'saved', ...batch, changes: changes as readonly EncodedChange[] }));
  }

  close(): ObservableInput<unknown> {
    return from(this.#close());
  }

  /** One after the other: a batch is planned while another is saved. */
  #append(record: SavedRecord | PlannedRecord): Promise<void> {
    const written = this.#tail.then(() => this.#write(record));
    this.#tail = written.catch(() => {});
    return written;
  }

  /** Durable first, then in effect. */
  async #write(record: SavedRecord | PlannedRecord): Promise<void> {
    try {
      await this.#log.append(serialize(record));
    } catch (cause) {
      throw new CheckpointError(this.#directory, `save the batch of time ${record.time}`, { cause });
    }
    this.#state.apply(record);
    const due = Math.max(this.#snapshotBytes, 2 * this.#lastSnapshot);
    if (this.#log.size >= due && !this.#snapshot) await this.#beginSnapshot();
  }

  /** A new changelog first: what changes while the snapshot is written is in it. */
  async #beginSnapshot(): Promise<void> {
    const number = this.#number + 1;
    try {
      const before = this.#log;
      this.#log = await LogWriter.open(join(this.#directory, `changelog-${number}`));
      this.#number = number;
      await before.close();
      await syncDirectory(this.#directory);
    } catch (cause) {
      throw new CheckpointError(this.#directory, `begin changelog ${number}`, { cause });
    }
    this.#snapshot = this.#writeSnapshot(number)
      // The changelogs are all there still: nothing is lost by a snapshot that failed, the next one is tried later.
      .catch(() => rm(join(this.#directory, `snapshot-${number}.tmp`), { force: true }))
      .finally(() => {
        this.#snapshot = undefined;
      });
  }

  async #writeSnapshot(number: number): Promise<void> {
    const path = join(this.#directory, `snapshot-${number}`);
    const file = await open(`${path}.tmp`, 'w');
    let size = 0;
    try {
      await file.write(header());
      for (const record of this.#state.records()) {
        // Closing gives the snapshot up; the changelogs have everything.
        if (this.#closed) return;
        const bytes = frame(serialize(record));
        await file.write(bytes);
        size += bytes.length;
        await nextTurn();
      }
      await file.sync();
    } finally {
      await file.close();
      if (this.#closed) await rm(`${path}.tmp`, { force: true });
    }
    await rename(`${path}.tmp`, path);
    await syncDirectory(this.#directory);
    this.#lastSnapshot = size;
    await deleteBefore(this.#directory, number);
  }

  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#tail;
    await this.#snapshot;
    await this.#log.close();
    await this.#unlock();
  }
}

async function recover(directory: string): Promise<{ state: SavedState; number: number; log: LogWriter }> {
  const names = await readdir(directory);
  const snapshot = Math.max(0, ...numbersOf(names, snapshotName));
  const logs = numbersOf(names, changelogName)
    .filter((number) => number >= snapshot)
    .sort((a, b) => a - b);
  const state = new SavedState();
  if (snapshot > 0) await applyFile(state, join(directory, `snapshot-${snapshot}`), false);
  checkWhole(directory, snapshot, logs);
  let end: number | undefined;
  for (const number of logs) {
    const last = number === logs.at(-1);
    const path = join(directory, `changelog-${number}`);
    end = undefined;
    // A log whose header was being written when the process died has nothing in it.
    if (last && (await readFile(path)).length < header().length) await rm(path);
    else end = await applyFile(state, path, last);
  }
  const number = logs.at(-1) ?? snapshot;
  const log = await LogWriter.open(join(directory, `changelog-${number}`), end);
  await syncDirectory(directory);
  return { state, number, log };
}

/** Numbers follow one another: a changelog that is missing would be a silent loss. */
function checkWhole(directory: string, snapshot: number, logs: readonly number[]): void {
  logs.forEach((number, i) => {
    if (number === snapshot + i) return;
    throw new CorruptCheckpointError(join(directory, `changelog-${snapshot + i}`), 0, 'the file is missing');
  });
  if (snapshot > 0 && logs.length === 0) {
    throw new CorruptCheckpointError(join(directory, `changelog-${snapshot}`), 0, 'the file is missing');
  }
}

async function applyFile(state: SavedState, path: string, torn: boolean): Promise<number> {
  const { payloads, end } = readRecords(path, await readFile(path), torn);
  for (const payload of payloads) state.apply(deserialize(payload) as SavedRecord | PlannedRecord);
  return end;
}

function numbersOf(names: readonly string[], pattern: RegExp): number[] {
  return names.flatMap((name) => pattern.exec(name)?.[1] ?? []).map(Number);
}

async function deleteBefore(directory: string, number: number): Promise<void> {
  for (const name of await readdir(directory)) {
    const found = changelogName.exec(name) ?? snapshotName.exec(name);
    if (found && Number(found[1]) < number) await rm(join(directory, name), { force: true });
  }
}
