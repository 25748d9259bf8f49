import type { Key } from '../batch/key.js';
import type { KeyedState } from '../batch/keyedState.js';

/** Takes what was changed since the last cut. */
export type CutState<K extends Key, S> = (
  time: number,
  set: readonly (readonly [K, S])[],
  deleted: readonly K[],
) => void;

/**
 * State in memory: one mutable map, and the set of keys touched since the last cut, so that a batch costs what it
 * touched and not what is kept.
 */
export class MemoryKeyedState<K extends Key, S> implements KeyedState<K, S> {
  readonly restored: boolean;
  readonly #map: Map<K, S>;
  readonly #dirty = new Set<K>();
  readonly #onCut: CutState<K, S> | undefined;
  readonly #onClose: (() => void) | undefined;

  /** `restored` is what the checkpoint has. Without `onCut` nothing is saved, and changes are not noted. */
  constructor(restored: Iterable<readonly [K, S]> | undefined, onCut?: CutState<K, S>, onClose?: () => void) {
    this.restored = restored !== undefined;
    this.#map = new Map(restored);
    this.#onCut = onCut;
    this.#onClose = onClose;
  }

  /** Notes every key as changed: what was restored is not as the checkpoint has it. */
  touchAll(): void {
    for (const key of this.#map.keys()) this.#dirty.add(key);
  }

  get size(): number {
    return this.#map.size;
  }

  get(key: K): S | undefined {
    return this.#map.get(key);
  }

  has(key: K): boolean {
    return this.#map.has(key);
  }

  set(key: K, state: S): void {
    this.#map.set(key, state);
    if (this.#onCut) this.#dirty.add(key);
  }

  delete(key: K): boolean {
    const deleted = this.#map.delete(key);
    if (deleted && this.#onCut) this.#dirty.add(key);
    return deleted;
  }

  entries(): IterableIterator<[K, S]> {
    return this.#map.entries();
  }

  cut(time: number): void {
    if (!this.#onCut || this.#dirty.size === 0) return;
    const set: (readonly [K, S])[] = [];
    const deleted: K[] = [];
    for (const key of this.#dirty) {
      const state = this.#map.get(key);
      if (state !== undefined || this.#map.has(key)) set.push([key, state as S]);
      else deleted.push(key);
    }
    this.#dirty.clear();
    this.#onCut(time, set, deleted);
  }

  close(): void {
    this.#onClose?.();
  }
}
