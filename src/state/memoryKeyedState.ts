import type { Key } from '../batch/key.js';
import type { KeyedState } from '../batch/keyedState.js';
import { KeyTable } from './keyTable.js';

const deleted = Symbol('deleted');

/** Takes what was changed since the last cut. */
export type CutState<K extends Key, S> = (
  time: number,
  set: readonly (readonly [K, S])[],
  deleted: readonly K[],
) => void;

/**
 * State in memory: one mutable table, and the keys touched since the last cut with what they have now, so that a batch costs
 * what it touched and not what is kept: in the large table, one look for each key whose state is changed in place.
 */
export class MemoryKeyedState<K extends Key, S> implements KeyedState<K, S> {
  readonly restored: boolean;
  readonly #table: KeyTable<K, S>;
  readonly #dirty = new Map<K, S | typeof deleted>();
  readonly #onCut: CutState<K, S> | undefined;
  readonly #onClose: (() => void) | undefined;

  /** `restored` is what the checkpoint has: a `KeyTable` is taken as it is, without a copy. Without `onCut` nothing is saved, and changes are not noted. */
  constructor(restored: Iterable<readonly [K, S]> | undefined, onCut?: CutState<K, S>, onClose?: () => void) {
    this.restored = restored !== undefined;
    this.#table = restored instanceof KeyTable ? restored : new KeyTable(restored);
    this.#onCut = onCut;
    this.#onClose = onClose;
  }

  /** Notes every key as changed: what was restored is not as the checkpoint has it. */
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
    if (this.#onCut) this.#dirty.set(key, state);
  }

  delete(key: K): boolean {
    const existed = this.#table.delete(key);
    if (existed && this.#onCut) this.#dirty.set(key, deleted);
    return existed;
  }

  entries(): IterableIterator<[K, S]> {
    return this.#table.entries();
  }

  prepare(keys: readonly K[]): void {
    this.#table.prepare(keys);
  }

  cut(time: number): void {
    // Lest the keys of this batch be held until the next one.
    this.#table.prepare([]);
    if (!this.#onCut || this.#dirty.size === 0) return;
    const set: (readonly [K, S])[] = [];
    const gone: K[] = [];
    for (const [key, state] of this.#dirty) {
      if (state === deleted) gone.push(key);
      else set.push([key, state]);
    }
    this.#dirty.clear();
    this.#onCut(time, set, gone);
  }

  close(): void {
    this.#onClose?.();
  }
}
