import { setImmediate as nextTurn } from 'node:timers/promises';
import { serialize } from 'node:v8';
import { EMPTY, from, type ObservableInput } from 'rxjs';
import { failpoint } from '../../storage/failpoint.js';
import type { LockedDirectory } from '../../storage/lockedDirectory.js';
import { SegmentedLog } from '../../storage/segmentedLog.js';
import { numbersOf } from '../../storage/segmentFiles.js';
import type { FinishedSegment } from '../../storage/segmentFormat.js';
import type {
  CheckpointSession,
  CheckpointUsage,
  LiveState,
  PlannedBatch,
  RestoredCheckpoint,
  SavedBatch,
  StateChange,
} from '../checkpoint.js';
import {
  type ChangelogBegin,
  type CheckpointRecord,
  changelogFormat,
  recordToBytes,
  type SavedRecord,
} from './checkpointRecord.js';
import { type Recovery, recoverFiles } from './fileRecovery.js';
import { writeSnapshot } from './snapshotWriter.js';

/** A change as it was when its batch had been dispatched. */
interface EncodedChange {
  readonly id: string;
  readonly bytes: Uint8Array;
}

type AppendedRecord = Exclude<CheckpointRecord, { readonly kind: 'end' }>;

interface Append {
  readonly record: AppendedRecord;
  readonly changes: readonly EncodedChange[];
  resolve(): void;
  reject(error: unknown): void;
}

/** The newest batch that is saved. */
type LastBatch = Omit<SavedRecord, 'kind' | 'changes' | 'dropped'>;

type Changelog = SegmentedLog<FinishedSegment, ChangelogBegin>;

/** A restart reads fewer changelogs quickly, however small each is. */
const maxChangelogs = 32;

/**
 * An opened checkpoint directory.
 *
 *     snapshot-3                what was in effect when changelog-3 was begun, and some of what came after
 *     changelog-3, changelog-4  what came after
 *     snapshot-4.tmp            being written
 *
 * The changelogs are a segmented log; a snapshot begins a new one. A snapshot is read from the live states in slices while
 * the stream goes on. What a slice has seen of later batches is in the changelog too, which is applied afterwards and has
 * the last word; so a snapshot counts (is renamed) only when those batches are saved.
 */
export class FileSession implements CheckpointSession {
  readonly restored: RestoredCheckpoint | undefined;
  readonly #directory: LockedDirectory;
  readonly #snapshotBytes: number;
  readonly #log: Changelog;
  /** Bytes of the newest snapshot. */
  #lastSnapshotBytes: number;
  readonly #live = new Map<string, LiveState>();
  /** States of which something is saved: a snapshot must have them all. */
  readonly #known: Set<string>;
  readonly #planned: Map<number, PlannedBatch>;
  #last: LastBatch | undefined;
  /** Number of the newest snapshot; 0 for none. */
  #lastSnapshot: number;
  /** The next snapshot is begun when the changelogs reach this many bytes, or this many of them are finished. */
  #due: { readonly bytes: number; readonly changelogs: number };
  #snapshot: Promise<void> | undefined;
  /** Changes that are encoded and not saved. With several batches open they are not saved in the order of encoding. */
  readonly #unsaved = new Set<EncodedChange>();
  #onSaved: (() => void) | undefined;
  #waiting: Append[] = [];
  #writing: Promise<void> | undefined;
  #closed = false;

  private constructor(directory: LockedDirectory, snapshotBytes: number, recovery: Recovery, log: Changelog) {
    this.#directory = directory;
    this.#snapshotBytes = snapshotBytes;
    this.restored = recovery.state.restored();
    this.#known = new Set(this.restored?.stateIds);
    this.#planned = new Map(recovery.state.planned);
    this.#last = recovery.state.last;
    this.#lastSnapshotBytes = recovery.snapshotBytes;
    this.#due = this.#dueAfter(recovery.snapshotBytes);
    this.#log = log;
    this.#lastSnapshot = recovery.snapshot;
  }

  static async open(directory: LockedDirectory, snapshotBytes: number): Promise<FileSession> {
    const recovery = await recoverFiles(directory);
    const { snapshot, changelogs, nextNumber, leftOver } = recovery;
    const begin = { snapshot, before: changelogs };
    const log = await SegmentedLog.open(directory, changelogFormat, nextNumber, begin, leftOver);
    failpoint('recovery:done');
    return new FileSession(directory, snapshotBytes, recovery, log);
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

  usage(): CheckpointUsage {
    return { bytes: this.#lastSnapshotBytes + this.#log.bytes, generation: this.#log.number };
  }

  close(): ObservableInput<unknown> {
    if (this.#closed) return EMPTY;
    this.#closed = true;
    const closed = this.#close();
    this.#directory.closing(closed);
    return from(closed);
  }

  // ---- appending

  #append(record: AppendedRecord, changes: readonly EncodedChange[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ record, changes, resolve, reject });
      this.#writing ??= this.#writeAll();
    });
  }

  /** What arrives while one group is written is the next group: one write and one sync. Never rejects. */
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
    // In the same turn: an append that comes later must find nobody writing.
    this.#writing = undefined;
  }

  /** Durable first, then in effect. */
  #write(group: readonly Append[]): Promise<void> {
    const action = () => `save the batch of time ${group.map(({ record }) => record.time).join(', ')}`;
    return this.#log.write(action, async () => {
      await this.#directory.checkOwner();
      await this.#log.append(group.map(({ record }) => recordToBytes(record)));
      await this.#directory.checkOwner();
      for (const append of group) this.#apply(append);
      if (this.#isSnapshotDue()) await this.#beginSnapshot();
    });
  }

  #apply({ record, changes }: Append): void {
    if (record.kind === 'planned') {
      const { kind: _, ...planned } = record;
      this.#planned.set(planned.time, planned);
      return;
    }
    const { kind: _, changes: __, dropped = [], ...last } = record;
    this.#last = last;
    for (const id of dropped) this.#known.delete(id);
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
    return this.#log.bytes >= this.#due.bytes || this.#log.finished.length >= this.#due.changelogs;
  }

  /** After a snapshot of this size: what is written again is then at most half of what was changed. */
  #dueAfter(size: number) {
    return { bytes: Math.max(this.#snapshotBytes, 2 * size), changelogs: maxChangelogs };
  }

  /** A new changelog first: what changes while the snapshot is written is in it. */
  async #beginSnapshot(): Promise<void> {
    await this.#log.rotate((before) => ({ snapshot: this.#lastSnapshot, before }));
    this.#snapshot = this.#writeSnapshot(this.#log.number)
      .catch(() => {
        // The changelogs are all there still: a snapshot that failed loses nothing, and is tried again much later.
        this.#due = { bytes: 2 * this.#log.bytes, changelogs: this.#log.finished.length + maxChangelogs };
      })
      .finally(() => {
        this.#snapshot = undefined;
      });
  }

  async #writeSnapshot(number: number): Promise<void> {
    const last = this.#last as LastBatch;
    const states = [...this.#known].map((id) => this.#live.get(id) as LiveState);
    const content = { last, planned: [...this.#planned.values()], states };
    const saved = async () => {
      await this.#allSaved();
      return this.#closed ? undefined : this.#last?.time;
    };
    const commit = async () => {
      if (this.#closed) return false;
      await this.#directory.checkOwner();
      return true;
    };
    const size = await writeSnapshot(this.#directory, number, content, {
      stopped: () => this.#closed,
      saved,
      commit,
      // Between two slices the stream goes on.
      pause: () => nextTurn(),
    });
    if (size === undefined) return;
    this.#due = this.#dueAfter(size);
    this.#lastSnapshotBytes = size;
    this.#lastSnapshot = number;
    await this.#log.remove(this.#log.finished.filter((changelog) => changelog.number < number));
    for (const old of numbersOf(await this.#directory.names(), 'snapshot')) {
      if (old < number) await this.#directory.remove(`snapshot-${old}`);
    }
    failpoint('snapshot:deleted');
  }

  /** Resolves when every change that is encoded by now is saved, or the session is closed. */
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
    await this.#log.close();
    failpoint('close:done');
  }
}
