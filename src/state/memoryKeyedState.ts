import type { Key } from '../batch/key.js';
import type { KeyedState } from '../batch/keyedState.js';

const deleted = Symbol('deleted');

/** Takes what was changed since the last cut. */
export type CutState<K extends Key, S> = (
  time: number,
  set: readonly (readonly [K, S])[],
  deleted: readonly K[],
) => void;

/**
 * State in memory: one mutable map, and the keys touched since the last cut with what they have now, so that a batch costs
 * what it touched and not what is kept: in the large map, one look for each key whose state is changed in place.
 */
export class MemoryKeyedState<K extends Key, S> implements KeyedState<K, S> {
  readonly restored: boolean;
  readonly #map: Map<K, S>;
  readonly #dirty = new Map<K, S | typeof deleted>();
  readonly #onCut: CutState<K, S> | undefined;
  readonly #onClose: (() => void) | undefined;

  /** `restored` is what the checkpoint has: a `Map` is taken as it is, without a copy. Without `onCut` nothing is saved, and changes are not noted. */
  constructor(restored: Iterable<readonly [K, S]> | undefined, onCut?: CutState<K, S>, onClose?: () => void) {
    this.restored = restored !== undefined;
    this.#map = restored instanceof Map ? restored : new Map(restored);
    this.#onCut = onCut;
    this.#onClose = onClose;
  }

  /** Notes every key as changed: what was restored is not as the checkpoint has it. */
  touchAll(): void {
    for (const [key, state] of this.#map) this.#dirty.set(key, state);
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
    this.touch(key, state);
  }

  touch(key: K, state: S): void {
    if (this.#onCut) this.#dirty.set(key, state);
  }

  delete(key: K): boolean {
    const existed = this.#map.delete(key);
    if (existed && this.#onCut) this.#dirty.set(key, deleted);
    return existed;
  }

  entries(): IterableIterator<[K, S]> {
    return this.#map.entries();
  }

  cut(time: number): void {
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
