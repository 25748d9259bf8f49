import type { CommittedState } from '../batch/committedState.js';
import type { Key } from '../batch/key.js';

/** The changes of a batch that is not complete yet. */
interface PendingChange<K, S> {
  readonly time: number;
  readonly set: readonly (readonly [K, S])[];
  readonly deleted: readonly K[];
  /** Whether nothing else is left. */
  readonly all: boolean;
}

/**
 * A state in memory as of the last complete batch: a copy, because later batches may have changed the same objects already.
 * The changes of a batch are copied when it has been dispatched, and take effect when it is complete.
 */
export class CommittedCopy<K extends Key, S> implements CommittedState<K, S> {
  time: number | undefined;
  readonly #map: Map<K, S>;
  readonly #pending: PendingChange<K, S>[] = [];

  constructor(restored: Iterable<readonly [K, S]>, time: number | undefined) {
    this.#map = new Map(copyOf(restored));
    this.time = time;
  }

  get size(): number {
    return this.#map.size;
  }

  get(key: K): S | undefined {
    return this.#map.get(key);
  }

  entries(): IterableIterator<[K, S]> {
    return this.#map.entries();
  }

  add(time: number, set: readonly (readonly [K, S])[], deleted: readonly K[], all = false): void {
    this.#pending.push({ time, set: copyOf(set), deleted, all });
  }

  complete(time: number): void {
    this.time = time;
    for (let first = this.#pending[0]; first && first.time <= time; first = this.#pending[0]) {
      this.#pending.shift();
      if (first.all) this.#map.clear();
      for (const [key, state] of first.set) this.#map.set(key, state);
      for (const key of first.deleted) this.#map.delete(key);
    }
  }
}

function copyOf<K, S>(entries: Iterable<readonly [K, S]>): [K, S][] {
  return Array.from(entries, ([key, state]) => [key, typeof state === 'object' ? structuredClone(state) : state]);
}
