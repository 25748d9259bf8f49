/** Where open panes know their keys from: each has a small number, its id. */
export interface KeySlots<K, P> {
  readonly size: number;
  /** `undefined` for a key that has no id. */
  idOf(key: K): number | undefined;
  keyOf(id: number): K;
  /** Returns the id of a key that has none yet. */
  add(key: K, partial: P): number;
  /** A pane that is being filled has a partial of the key. */
  opened(id: number): void;
  /** It is filled no longer. */
  closed(id: number): void;
}

/** The keys of open panes, where each pane is a whole window: a key has an id while one of them has it. */
export class OpenKeys<K> implements KeySlots<K, unknown> {
  readonly #ids = new Map<K, number>();
  /** By id. */
  readonly #keys: K[] = [];
  /** By id the number of panes that have the key. */
  #panes = new Int32Array(64);
  readonly #freeIds: number[] = [];

  get size(): number {
    return this.#ids.size;
  }

  idOf(key: K): number | undefined {
    return this.#ids.get(key);
  }

  keyOf(id: number): K {
    return this.#keys[id] as K;
  }

  add(key: K): number {
    const id = this.#freeIds.pop() ?? this.#keys.length;
    this.#ids.set(key, id);
    this.#keys[id] = key;
    if (id >= this.#panes.length) {
      const longer = new Int32Array(2 * this.#panes.length);
      longer.set(this.#panes);
      this.#panes = longer;
    }
    return id;
  }

  opened(id: number): void {
    this.#panes[id] = (this.#panes[id] as number) + 1;
  }

  closed(id: number): void {
    const panes = (this.#panes[id] as number) - 1;
    this.#panes[id] = panes;
    if (panes > 0) return;
    this.#ids.delete(this.#keys[id] as K);
    this.#freeIds.push(id);
  }
}
