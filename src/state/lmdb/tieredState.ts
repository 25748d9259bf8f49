import { LRUCache } from 'lru-cache';
import type { CommittedState } from '../../batch/committedState.js';
import { CorruptCheckpointError } from '../../batch/errors.js';
import type { Key } from '../../batch/key.js';
import type { KeyedState } from '../../batch/keyedState.js';
import { stateToBytes } from '../../storage/stateBytes.js';
import type { StateRequest } from '../checkpoint.js';
import { encodeSavable } from '../savableState.js';
import { DiskCommitted } from './diskCommitted.js';
import { DiskReader } from './diskReader.js';
import { entryToBytes } from './lmdbEntry.js';
import { entryKeyOf } from './lmdbKeys.js';
import type { LmdbStateRecord, LmdbStore } from './lmdbStore.js';

/** The state of a key, one object for as long as the key is there. `seq` is its age on disk, 0 before it is there. */
interface Cell<S> {
  state: S;
  seq: number;
}

const absent = Symbol('absent');
type Found<S> = Cell<S> | typeof absent;

/** A key that was changed and is not saved: it stays in memory until the batch of this time is. */
interface Pinned<S> {
  found: Found<S>;
  time: number;
}

/** What a batch changed in one key. */
interface Write<K, S> {
  readonly key: K;
  readonly before: Found<S>;
  readonly after: Found<S>;
  readonly bytes: Buffer | undefined;
}

/** What a batch changed in a state. Its store writes it when the batch is saved. */
export interface TieredChange {
  /** Within the transaction that saves the batch. */
  write(): void;
  /** When that is committed. */
  saved(): void;
}

/** A cache takes no `null`. */
const nullKey = Symbol('null');

/**
 * State larger than memory: all of it is in LMDB, as of the last saved batch; in memory are the keys that were changed and
 * are not saved yet, and the most recently used of the others. Reads are synchronous.
 *
 * A batch that fails needs no undoing: what it changed was never written, and is forgotten with the session.
 */
export class TieredState<K extends Key, S> implements KeyedState<K, S> {
  restored: boolean;
  readonly #store: LmdbStore;
  readonly #request: StateRequest<K, S>;
  readonly #number: number;
  readonly #reader: DiskReader<K, S>;
  readonly #hot: LRUCache<NonNullable<K> | typeof nullKey, Found<S>>;
  readonly #pinned = new Map<K, Pinned<S>>();
  /** Keys touched since the last snapshot, with what was there before. */
  readonly #dirty = new Map<K, Found<S>>();
  /** Keys that are not on disk yet, oldest first. */
  readonly #fresh = new Map<K, Cell<S>>();
  /** The entry that an iteration gave last: it is likely to be set next. */
  #given: readonly [K, Cell<S>] | undefined;
  #size: number;
  #lastSeq: number;
  #savedSize: number;
  #savedTime: number | undefined;
  #committed: DiskCommitted<K, S> | undefined;

  constructor(
    store: LmdbStore,
    request: StateRequest<K, S>,
    number: number,
    saved: { readonly record: LmdbStateRecord | undefined; readonly time: number | undefined },
    cacheKeys: number,
  ) {
    const { record, time } = saved;
    this.#savedTime = time;
    this.#store = store;
    this.#request = request;
    this.#number = number;
    this.#reader = new DiskReader(store, number, request);
    this.restored = record !== undefined;
    this.#size = record?.size ?? 0;
    this.#savedSize = this.#size;
    this.#lastSeq = record?.lastSeq ?? 0;
    this.#hot = new LRUCache({ max: cacheKeys });
  }

  get size(): number {
    return this.#size;
  }

  /** On disk, where all states of the store are in one tree: its share of the bytes by its share of the keys. */
  get bytes(): number | undefined {
    return this.#store.bytesOf(this.#savedSize);
  }

  get(key: K): S | undefined {
    const found = this.#find(key);
    return found === absent ? undefined : found.state;
  }

  has(key: K): boolean {
    return this.#find(key) !== absent;
  }

  set(key: K, state: S): void {
    const before = this.#find(key);
    const first = this.#dirty.get(key) ?? before;
    // One that comes back is new: its place among the others is that of now.
    if (before === absent) this.#dirty.delete(key);
    this.#dirty.set(key, first);
    if (before !== absent) {
      before.state = state;
      this.#pin(key, before);
      return;
    }
    const cell = { state, seq: 0 };
    this.#pin(key, cell);
    this.#fresh.set(key, cell);
    this.#size++;
  }

  touch(key: K, state: S): void {
    this.set(key, state);
  }

  delete(key: K): boolean {
    const before = this.#find(key);
    if (before === absent) return false;
    if (!this.#dirty.has(key)) this.#dirty.set(key, before);
    this.#pin(key, absent);
    this.#fresh.delete(key);
    this.#size--;
    return true;
  }

  /** What is read from the disk on the way is not kept: one scan would drive everything else out. */
  *entries(): IterableIterator<[K, S]> {
    for (const lookup of this.#reader.lookups()) {
      const entry = this.#entryAt(lookup);
      if (!entry) continue;
      const [key, cell] = entry;
      this.#given = entry;
      yield [key, cell.state];
    }
    this.#given = undefined;
    for (const [key, { state }] of this.#fresh) yield [key, state];
  }

  snapshot(time: number): void {
    const writes: Write<K, S>[] = [];
    for (const [key, before] of this.#dirty) {
      const pinned = this.#pinned.get(key);
      if (!pinned) continue;
      pinned.time = time;
      const after = pinned.found;
      // Touched and gone again within the batch: it is pinned for nothing else.
      const bytes =
        after === absent
          ? undefined
          : encodeSavable(this.#request, [[key, after.state]], () => stateToBytes(after.state));
      writes.push({ key, before, after, bytes });
    }
    if (writes.length === 0) return;
    this.#dirty.clear();
    this.#given = undefined;
    const size = this.#size;
    const change: TieredChange = {
      write: () => this.#write(writes, size),
      saved: () => this.#saved(writes, time, size),
    };
    this.#request.changed(time, change);
  }

  committed(): CommittedState<K, S> {
    this.#committed ??= new DiskCommitted(this.#store, this.#reader, this.#savedTime, this.#savedSize);
    return this.#committed;
  }

  /** The batch of this time has been saved, whether it changed this state or not. */
  committedAt(time: number): void {
    this.#savedTime = time;
    this.#committed?.renew(time, this.#savedSize);
  }

  /** The session ends. */
  end(): void {
    this.#committed?.end();
  }

  close(): void {
    this.#request.closed();
  }

  #pin(key: K, found: Found<S>): void {
    const pinned = this.#pinned.get(key);
    if (!pinned) this.#pinned.set(key, { found, time: Infinity });
    else {
      pinned.found = found;
      pinned.time = Infinity;
    }
  }

  #find(key: K): Found<S> {
    const pinned = this.#pinned.get(key);
    if (pinned) return pinned.found;
    const hot = this.#hot.get(key ?? nullKey);
    if (hot !== undefined) return hot;
    const given = this.#given?.[0] === key ? this.#given[1] : undefined;
    const found = given ?? this.#reader.read(key) ?? absent;
    this.#hot.set(key ?? nullKey, found);
    return found;
  }

  /**
   * An entry on the way through the disk, oldest first; `undefined` when it has been deleted since, or comes later.
   *
   * @throws {CorruptCheckpointError} when it should be on the disk and is not
   */
  #entryAt(lookup: Buffer): readonly [K, Cell<S>] | undefined {
    const key = this.#reader.keyOf(lookup);
    if (this.#fresh.has(key)) return undefined;
    const found = this.#pinned.get(key)?.found ?? this.#hot.peek(key ?? nullKey) ?? this.#reader.readAt(key, lookup);
    if (found === undefined)
      throw new CorruptCheckpointError(this.#store.directory, 0, 'a key has an age and no state');
    return found === absent ? undefined : [key, found];
  }

  #write(writes: readonly Write<K, S>[], size: number): void {
    const { entries } = this.#store;
    const { id, operator, signature, version } = this.#request;
    for (const { key, before, after, bytes } of writes) {
      const { at, longKey } = entryKeyOf(this.#number, key);
      const replaced = before !== absent && before !== after;
      if (replaced) this.#store.removeAge(this.#number, before.seq);
      if (after === absent || bytes === undefined) {
        if (replaced) this.#store.remove(entries, at);
        continue;
      }
      // One cell may be written by several batches: the first assigns its age.
      if (after.seq === 0) {
        after.seq = ++this.#lastSeq;
        this.#store.putAge(this.#number, after.seq, at.subarray(4));
      }
      this.#store.put(entries, at, entryToBytes(at, after.seq, version, longKey, bytes));
    }
    this.#store.putState(id, { number: this.#number, operator, signature, version, size, lastSeq: this.#lastSeq });
  }

  #saved(writes: readonly Write<K, S>[], time: number, size: number): void {
    this.#savedSize = size;
    for (const { key, after } of writes) {
      if (after !== absent && this.#fresh.get(key) === after) this.#fresh.delete(key);
      const pinned = this.#pinned.get(key);
      // Changed again since: a later batch will have it saved.
      if (!pinned || pinned.time > time) continue;
      this.#pinned.delete(key);
      this.#hot.set(key ?? nullKey, pinned.found);
    }
  }
}
