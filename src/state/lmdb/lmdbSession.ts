import { defer, from, type ObservableInput } from 'rxjs';
import { DStreamError, StorageError } from '../../batch/errors.js';
import type { Key } from '../../batch/key.js';
import type { KeyedState } from '../../batch/keyedState.js';
import { lookupBytes } from '../../storage/keyBytes.js';
import { type EncodedChange, encodeChange } from '../../storage/keyedChange.js';
import type { LockedDirectory } from '../../storage/lockedDirectory.js';
import { stateToBytes } from '../../storage/stateBytes.js';
import type {
  CheckpointSession,
  CheckpointUsage,
  PlannedBatch,
  RestoredCheckpoint,
  RestoredState,
  SavedBatch,
  StateChange,
  StateRequest,
} from '../checkpoint.js';
import { directoryCommand } from '../directoryCommand.js';
import { restoredCheckpoint } from '../restoredCheckpoint.js';
import { withSalvageHint } from '../salvageHint.js';
import { entryToBytes, seqOf } from './lmdbEntry.js';
import { reading } from './lmdbErrors.js';
import { entryKey } from './lmdbKeys.js';
import type { LmdbStateRecord, LmdbStore } from './lmdbStore.js';
import { readState } from './readState.js';
import { type TieredChange, TieredState } from './tieredState.js';

/** An opened directory: one epoch of it. What a batch changed is written when it is saved. */
export class LmdbSession implements CheckpointSession {
  readonly restored: RestoredCheckpoint | undefined;
  readonly openState?: <K extends Key, S>(request: StateRequest<K, S>) => KeyedState<K, S>;
  readonly #store: LmdbStore;
  readonly #directory: LockedDirectory;
  readonly #states: Map<string, LmdbStateRecord>;
  readonly #numbers: Map<string, number>;
  /** Above every number in use, and not that of a state that was removed: its keys are still there until the save settles. */
  #nextNumber: number;
  readonly #tiered = new Map<string, TieredState<Key, unknown>>();
  readonly #running = new Set<Promise<unknown>>();
  #savedTime: number | undefined;
  #closed: Promise<void> | undefined;

  /** With `cacheKeys`, states may be larger than memory, which holds that many keys of each; without it states live in memory. */
  constructor(store: LmdbStore, directory: LockedDirectory, cacheKeys?: number) {
    this.#store = store;
    this.#directory = directory;
    this.#states = store.states();
    this.#numbers = new Map([...this.#states].map(([id, { number }]) => [id, number]));
    this.#nextNumber = Math.max(-1, ...this.#numbers.values()) + 1;
    this.restored = restoredFrom(store, this.#states);
    this.#savedTime = this.restored?.time;
    if (cacheKeys !== undefined) this.openState = (request) => this.#openTiered(request, cacheKeys);
  }

  encode(change: StateChange): EncodedChange<StateChange> {
    return encodeChange(change, stateToBytes);
  }

  plan(batch: PlannedBatch): ObservableInput<unknown> {
    return this.#write(`plan the batch of time ${batch.time}`, () => this.#store.putPlanned(batch));
  }

  save({ changes, dropped = [], ...batch }: SavedBatch): ObservableInput<unknown> {
    const written = new Map<string, number | undefined>();
    const write = () => {
      this.#store.putProgress(batch);
      for (const id of dropped) this.#drop(id);
      for (const change of changes as readonly (EncodedChange<StateChange> | TieredChange)[]) {
        if ('write' in change) change.write();
        else this.#putChange(change, written);
      }
    };
    const saved = () => {
      for (const change of changes as readonly (EncodedChange<StateChange> | TieredChange)[])
        if ('saved' in change) change.saved();
      this.#savedTime = batch.time;
      for (const state of this.#tiered.values()) state.committedAt(batch.time);
    };
    return this.#write(`save the batch of time ${batch.time}`, write, saved);
  }

  usage(): CheckpointUsage {
    return { bytes: this.#store.bytes, generation: this.#store.epoch };
  }

  close(): ObservableInput<unknown> {
    return defer(() => {
      this.#closed ??= this.#close();
      this.#directory.closing(this.#closed);
      return from(this.#closed);
    });
  }

  #openTiered<K extends Key, S>(request: StateRequest<K, S>, cacheKeys: number): KeyedState<K, S> {
    const { id } = request;
    const before = this.#tiered.get(id);
    if (before) {
      // An operator that came again, within the same life: it goes on where it was.
      before.restored = true;
      return before as unknown as KeyedState<K, S>;
    }
    const saved = { record: this.#states.get(id), time: this.#savedTime };
    const state = new TieredState<K, S>(this.#store, request, this.#numberOf(id), saved, cacheKeys);
    this.#tiered.set(id, state as unknown as TieredState<Key, unknown>);
    return state;
  }

  #numberOf(id: string): number {
    let number = this.#numbers.get(id);
    if (number === undefined) {
      number = this.#nextNumber++;
      this.#numbers.set(id, number);
    }
    return number;
  }

  #drop(id: string): void {
    const record = this.#states.get(id);
    if (!record) return;
    this.#states.delete(id);
    this.#numbers.delete(id);
    this.#store.removeState(id, record.number);
  }

  /** `written` has the ages of keys that this batch wrote before: what it wrote cannot be read yet. */
  #putChange(
    { id, set, deleted, ...description }: EncodedChange<StateChange>,
    written: Map<string, number | undefined>,
  ): void {
    const before = this.#states.get(id);
    const { operator, signature, version } = description;
    const number = this.#numberOf(id);
    let { size = 0, lastSeq = 0 } = before ?? {};
    const { entries } = this.#store;
    const ageOf = (at: Buffer): number | undefined => {
      const name = at.toString('latin1');
      if (written.has(name)) return written.get(name);
      const found = reading(this.#store.directory, () => entries.getBinaryFast(at));
      return found && seqOf(found);
    };
    for (const [key, state] of set) {
      const lookup = lookupBytes(key);
      const at = entryKey(number, lookup);
      let seq = ageOf(at);
      if (seq === undefined) {
        seq = ++lastSeq;
        size++;
        this.#store.putAge(number, seq, lookup);
        written.set(at.toString('latin1'), seq);
      }
      this.#store.put(entries, at, entryToBytes(at, seq, version, lookup === key ? undefined : key, state));
    }
    for (const key of deleted) {
      const at = entryKey(number, lookupBytes(key));
      const seq = ageOf(at);
      if (seq === undefined) continue;
      size--;
      this.#store.removeAge(number, seq);
      this.#store.remove(entries, at);
      written.set(at.toString('latin1'), undefined);
    }
    const record = { number, operator, signature, version, size, lastSeq };
    this.#states.set(id, record);
    this.#store.putState(id, record);
  }

  #write(action: string, write: () => void, written: () => void = () => {}): ObservableInput<unknown> {
    return defer(() => {
      const done = this.#store.write(write).then(written, (cause: unknown) => {
        throw cause instanceof DStreamError ? cause : new StorageError(this.#store.directory, action, { cause });
      });
      this.#running.add(done);
      return from(done.finally(() => this.#running.delete(done)));
    });
  }

  async #close(): Promise<void> {
    await Promise.allSettled([...this.#running]);
    for (const state of this.#tiered.values()) state.end();
    try {
      await this.#store.close();
    } finally {
      await this.#directory.release();
    }
  }
}

function restoredFrom(store: LmdbStore, states: ReadonlyMap<string, LmdbStateRecord>): RestoredCheckpoint | undefined {
  const restored = new Map([...states].map(([id, record]) => [id, restoredState(store, id, record)]));
  return restoredCheckpoint(store.progress(), store.planned(), {
    stateIds: [...restored.keys()],
    state: (id) => restored.get(id),
  });
}

function restoredState(store: LmdbStore, id: string, record: LmdbStateRecord): RestoredState {
  const { operator, signature, version } = record;
  const command = (action: string) => directoryCommand(store.directory, action);
  const entries = () => {
    try {
      return readState(store, id, record);
    } catch (error) {
      throw withSalvageHint(error, { command });
    }
  };
  return { operator, signature, version, entries };
}
