import type { Key } from '../batch/key.js';
import type { KeyedState } from '../batch/keyedState.js';
import { KeyTable } from './keyTable.js';

/** In the place of the state of a key that was deleted. */
const tombstone = Symbol('deleted');

/** Receives what was changed since the last snapshot. */
export type SaveChanges<K extends Key, S> = (
  time: number,
  set: readonly (readonly [K, S])[],
  deleted: readonly K[],
) => void;

/**
 * State in memory: one mutable table, and the current states of the keys touched since the last snapshot. So the cost of a batch is
 * in proportion to what it touched, not to the size of the state: one lookup in the large table per key whose state is
 * changed in place.
 */
export class MemoryKeyedState<K extends Key, S> implements KeyedState<K, S> {
  readonly restored: boolean;
  readonly #table: KeyTable<K, S>;
  readonly #dirty = new Map<K, S | typeof tombstone>();
  readonly #onSnapshot: SaveChanges<K, S> | undefined;
  readonly #onClose: (() => void) | undefined;

  /**
   * @param restored what the checkpoint holds; a `KeyTable` is used without a copy
   * @param onSnapshot without it nothing is saved, and changes are not recorded
   */
  constructor(restored: Iterable<readonly [K, S]> | undefined, onSnapshot?: SaveChanges<K, S>, onClose?: () => void) {
    this.restored = restored !== undefined;
    this.#table = restored instanceof KeyTable ? restored : new KeyTable(restored);
    this.#onSnapshot = onSnapshot;
    this.#onClose = onClose;
  }

  /** Records every key as changed: the restored states differ from those in the checkpoint. */
  touchAll(): void {
    for (const [key, state] of this.#table) this.#dirty.set(key, state);
  }

  get size(): number {
    return this.#table.size;
  }

  get(key: K): S | undefined {
    return this.#table.get(key);
  }

  has(key: K): boolean {
    return this.#table.has(key);
  }

  set(key: K, state: S): void {
    this.#table.set(key, state);
    this.touch(key, state);
  }

  touch(key: K, state: S): void {
    if (this.#onSnapshot) this.#dirty.set(key, state);
  }

  delete(key: K): boolean {
    const existed = this.#table.delete(key);
    if (existed && this.#onSnapshot) this.#dirty.set(key, tombstone);
    return existed;
  }

  entries(): IterableIterator<[K, S]> {
    return this.#table.entries();
  }

  prepare(keys: readonly K[]): void {
    this.#table.prepare(keys);
  }

  snapshot(time: number): void {
    // So that the keys of this batch are not retained until the next one.
    this.#table.prepare([]);
    if (!this.#onSnapshot || this.#dirty.size === 0) return;
    const set: (readonly [K, S])[] = [];
    const deleted: K[] = [];
    for (const [key, state] of this.#dirty) {
      if (state === tombstone) deleted.push(key);
      else set.push([key, state]);
    }
    this.#dirty.clear();
    this.#onSnapshot(time, set, deleted);
  }

  close(): void {
    this.#onClose?.();
  }
}
