import { setImmediate as nextTurn } from 'node:timers/promises';
import { serialize } from 'node:v8';
import { EMPTY, from, type ObservableInput } from 'rxjs';
import { beginLogFile } from '../../storage/beginLogFile.js';
import type { DirectoryLock } from '../../storage/directoryLock.js';
import { failpoint } from '../../storage/failpoint.js';
import type { FileSystem } from '../../storage/fileSystem.js';
import type { LogWriter } from '../../storage/logWriter.js';
import { toStorageError } from '../../storage/toStorageError.js';
import type {
  CheckpointSession,
  LiveState,
  PlannedBatch,
  RestoredCheckpoint,
  SavedBatch,
  StateChange,
} from '../checkpoint.js';
import { logPath, type Recovery, recoverFiles } from './fileRecovery.js';
import type { BeginRecord, PlannedRecord, SavedRecord } from './recoveredState.js';
import { writeSnapshot } from './snapshotWriter.js';

/** A change as it was cut off. */
interface EncodedChange {
  readonly id: string;
  readonly bytes: Uint8Array;
}

interface Append {
  readonly record: PlannedRecord | SavedRecord;
  readonly changes: readonly EncodedChange[];
  resolve(): void;
  reject(error: unknown): void;
}

/** The newest batch that is saved. */
type LastBatch = Omit<SavedRecord, 'kind' | 'changes'>;

/** Below so many logs a restart reads them quickly, however small each is. */
const mostLogs = 32;

/**
 * An opened checkpoint directory.
 *
 *     snapshot-3                what was in effect when changelog-3 was begun, and some of what came after
 *     changelog-3, changelog-4  what came after
 *     snapshot-4.tmp            being written
 *
 * Every opening, and every snapshot, begins a changelog; none is written to by two processes. A snapshot is read from the
 * live states in slices while the stream goes on. What a slice has seen of later batches is in the changelog too, which is
 * applied afterwards and has the last word; so a snapshot counts (is renamed) only when those batches are saved.
 */
export class FileSession implements CheckpointSession {
  readonly restored: RestoredCheckpoint | undefined;
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #lock: DirectoryLock;
  readonly #snapshotBytes: number;
  readonly #live = new Map<string, LiveState>();
  /** States of which something is saved: a snapshot must have them all. */
  readonly #known: Set<string>;
  readonly #planned: Map<number, PlannedBatch>;
  #last: LastBatch | undefined;
  #logs: (readonly [number: number, end: number])[];
  #number: number;
  #log: LogWriter;
  /** Number of the newest snapshot; 0 for none. */
  #lastSnapshot: number;
  /** The next snapshot is begun when the changelogs have so many bytes, or there are so many of them. */
  #due: { readonly bytes: number; readonly logs: number };
  #snapshot: Promise<void> | undefined;
  /** Changes that have been cut off and are not saved. With several batches open they are not saved in the order of cutting. */
  readonly #unsaved = new Set<EncodedChange>();
  #onSaved: (() => void) | undefined;
  #waiting: Append[] = [];
  #writing: Promise<void> | undefined;
  /** Why nothing more is written: after a failure it is not known what the disk has. */
  #failure: unknown;
  #closed = false;

  private constructor(
    fs: FileSystem,
    directory: string,
    snapshotBytes: number,
    lock: DirectoryLock,
    recovery: Recovery,
    log: LogWriter,
  ) {
    this.#fs = fs;
    this.#directory = directory;
    this.#snapshotBytes = snapshotBytes;
    this.#lock = lock;
    this.restored = recovery.state.restored();
    this.#known = new Set(this.restored?.stateIds);
    this.#planned = new Map(recovery.state.planned);
    this.#last = recovery.state.last;
    this.#logs = [...recovery.logs];
    this.#due = this.#dueAfter(recovery.snapshotBytes);
    this.#number = recovery.next;
    this.#log = log;
    this.#lastSnapshot = recovery.snapshot;
  }

  static async open(
    fs: FileSystem,
    directory: string,
    snapshotBytes: number,
    lock: DirectoryLock,
  ): Promise<FileSession> {
    const recovery = await recoverFiles(fs, directory);
    const log = await beginLog(fs, directory, recovery.next, recovery, recovery.leftOver);
    failpoint('recovery:done');
    return new FileSession(fs, directory, snapshotBytes, lock, recovery, log);
  }

  attach(state: LiveState): void {
    this.#live.set(state.id, state);
  }

  encode(change: StateChange): EncodedChange {
    const encoded = { id: change.id, bytes: serialize(change) };
    this.#unsaved.add(encoded);
    return encoded;
  }

  plan(batch: PlannedBatch): ObservableInput<unknown> {
    return from(this.#append({ kind: 'planned', ...batch }, []));
  }

  save({ changes, ...batch }: SavedBatch): ObservableInput<unknown> {
    const encoded = changes as readonly EncodedChange[];
    return from(this.#append({ kind: 'saved', ...batch, changes: encoded.map(({ bytes }) => bytes) }, encoded));
  }

  close(): ObservableInput<unknown> {
    if (this.#closed) return EMPTY;
    this.#closed = true;
    const closed = this.#close();
    this.#lock.leaving(closed);
    return from(closed);
  }

  // ---- appending

  #append(record: PlannedRecord | SavedRecord, changes: readonly EncodedChange[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ record, changes, resolve, reject });
      this.#writing ??= this.#writeAll();
    });
  }

  /** What has come while one group was written is the next group: one write and one sync. It never rejects. */
  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const group = this.#waiting;
      this.#waiting = [];
      try {
        await this.#write(group);
        for (const { resolve } of group) resolve();
      } catch (error) {
        for (const { reject } of group) reject(error);
      }
    }
    // In this very turn: an append that comes later must find nobody writing.
    this.#writing = undefined;
  }

  /** Durable first, then in effect. */
  async #write(group: readonly Append[]): Promise<void> {
    const times = group.map(({ record }) => record.time).join(', ');
    if (this.#failure) throw this.#failure;
    try {
      await this.#lock.check();
      await this.#log.append(group.map(({ record }) => serialize(record)));
      await this.#lock.check();
      for (const append of group) this.#apply(append);
      if (this.#isSnapshotDue()) await this.#beginSnapshot();
    } catch (cause) {
      this.#failure = toStorageError(this.#directory, `save the batch of time ${times}`, cause);
      throw this.#failure;
    }
  }

  #apply({ record, changes }: Append): void {
    if (record.kind === 'planned') {
      const { kind: _, ...planned } = record;
      this.#planned.set(planned.time, planned);
      return;
    }
    const { kind: _, changes: __, ...last } = record;
    this.#last = last;
    for (const time of this.#planned.keys()) if (time <= last.time) this.#planned.delete(time);
    for (const change of changes) {
      this.#known.add(change.id);
      this.#unsaved.delete(change);
    }
    this.#onSaved?.();
  }

  // ---- snapshots

  #isSnapshotDue(): boolean {
    if (this.#snapshot || !this.#last || this.#closed) return false;
    if (![...this.#known].every((id) => this.#live.has(id))) return false;
    return this.#logBytes >= this.#due.bytes || this.#logs.length >= this.#due.logs;
  }

  get #logBytes(): number {
    return this.#logs.reduce((sum, [, end]) => sum + end, this.#log.size);
  }

  /** After a snapshot of this size: what is written again is then at most half of what was changed. */
  #dueAfter(size: number) {
    return { bytes: Math.max(this.#snapshotBytes, 2 * size), logs: mostLogs };
  }

  /** A new changelog first: what changes while the snapshot is written is in it. */
  async #beginSnapshot(): Promise<void> {
    const number = this.#number + 1;
    failpoint('snapshot:before-changelog');
    const before = this.#log;
    const logs = [...this.#logs, [this.#number, before.size] as const];
    this.#log = await beginLog(this.#fs, this.#directory, number, { snapshot: this.#lastSnapshot, logs });
    this.#logs = logs;
    this.#number = number;
    await before.close();
    failpoint('snapshot:after-changelog');
    this.#snapshot = this.#writeSnapshot(number)
      .catch(() => {
        // The changelogs are all there still: nothing is lost by a snapshot that failed, the next one is tried much later.
        this.#due = { bytes: 2 * this.#logBytes, logs: this.#logs.length + mostLogs };
      })
      .finally(() => {
        this.#snapshot = undefined;
      });
  }

  async #writeSnapshot(number: number): Promise<void> {
    const last = this.#last as LastBatch;
    const states = [...this.#known].map((id) => this.#live.get(id) as LiveState);
    const content = { last, planned: [...this.#planned.values()], states };
    const commit = async () => {
      await this.#allSaved();
      if (this.#closed) return false;
      await this.#lock.check();
      return true;
    };
    const size = await writeSnapshot(this.#fs, this.#directory, number, content, {
      stopped: () => this.#closed,
      commit,
      // Between two slices the stream goes on.
      pause: () => nextTurn(),
    });
    if (size === undefined) return;
    this.#due = this.#dueAfter(size);
    this.#lastSnapshot = number;
    const old = this.#logs.filter(([log]) => log < number);
    this.#logs = this.#logs.filter(([log]) => log >= number);
    for (const [log] of old) {
      await this.#fs.remove(logPath(this.#directory, log));
      failpoint('snapshot:deleting');
    }
    for (const name of await this.#fs.list(this.#directory)) {
      const found = /^snapshot-(\d+)$/.exec(name)?.[1];
      if (found !== undefined && Number(found) < number) await this.#fs.remove(`${this.#directory}/${name}`);
    }
    failpoint('snapshot:deleted');
  }

  /** Resolves when every change that has been cut off by now is saved, or the session is closed. */
  #allSaved(): Promise<void> {
    const unsaved = [...this.#unsaved];
    return new Promise((resolve) => {
      const check = () => {
        if (unsaved.some((change) => this.#unsaved.has(change)) && !this.#closed) return;
        this.#onSaved = undefined;
        resolve();
      };
      this.#onSaved = check;
      check();
    });
  }

  async #close(): Promise<void> {
    this.#onSaved?.();
    await this.#writing;
    await this.#snapshot;
    try {
      await this.#log.close();
    } catch (cause) {
      throw toStorageError(this.#directory, 'close the changelog', cause);
    } finally {
      await this.#lock.release();
    }
    failpoint('close:done');
  }
}

function beginLog(
  fs: FileSystem,
  directory: string,
  number: number,
  { snapshot, logs }: Pick<BeginRecord, 'snapshot' | 'logs'>,
  leftOver?: readonly string[],
): Promise<LogWriter> {
  const begin: BeginRecord = { kind: 'begin', snapshot, logs };
  return beginLogFile(fs, logPath(directory, number), 'changelog', serialize(begin), leftOver);
}
