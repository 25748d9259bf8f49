import { TwoStacks } from './twoStacks.js';

/** What one batch brought: a partial for each of its keys. */
export interface Pane<K, P> {
  /** The batch time, ms. */
  readonly time: number;
  readonly partials: ReadonlyMap<K, P>;
}

/** The aggregate of one key within the window. */
interface Slot<P> {
  /** Time of the first pane that counts: an older one was forgotten when a filter dropped the key. */
  readonly since: number;
  /** How many panes in the window have the key. At 0 the key leaves. */
  panes: number;
  value: P;
  /** Only without an inverse. */
  readonly stacks: TwoStacks<P> | undefined;
}

export interface KeyedWindowOptions<K, P> {
  /** Associative; older values come first. */
  readonly reduce: (a: P, b: P) => P;
  /** `inverse(reduce(a, b), a)` must equal `b`, up to the order of the values. */
  readonly inverse?: ((value: P, old: P) => P) | undefined;
  /** Drops a key, from the window too, when it gives false. */
  readonly filter?: ((pair: readonly [K, P]) => boolean) | undefined;
}

/**
 * A sliding window by key. A slide costs what comes and what goes: the keys of the panes that enter and of those that
 * leave. Each key counts the panes that hold it, so it leaves exactly when its last pane does, and nothing of it (a zero,
 * a rounding error) stays behind.
 *
 * Source: what Spark's `ReducedWindowedDStream` computes, without its pass over all keys.
 */
export class KeyedWindow<K, P> {
  readonly #options: KeyedWindowOptions<K, P>;
  readonly #panes: Pane<K, P>[] = [];
  readonly #slots = new Map<K, Slot<P>>();
  #filterAll = false;

  constructor(options: KeyedWindowOptions<K, P>) {
    this.#options = options;
  }

  /** How many keys the window has. */
  get size(): number {
    return this.#slots.size;
  }

  get(key: K): P | undefined {
    return this.#slots.get(key)?.value;
  }

  *entries(): IterableIterator<readonly [K, P]> {
    for (const [key, slot] of this.#slots) yield [key, slot.value];
  }

  /** Rebuilds the window from its panes, oldest first, after a restart. */
  restore(panes: readonly Pane<K, P>[]): void {
    this.slide(-Infinity, panes);
    // Keys that a filter had dropped have come back with their panes: the next slide drops them again.
    this.#filterAll = this.#options.filter !== undefined;
  }

  /**
   * Takes out the panes with times up to and including `evicted`, then puts the new ones in, oldest first. Gives the keys
   * that either touched; those that are no longer in the window have left it.
   */
  slide(evicted: number, added: readonly Pane<K, P>[]): ReadonlySet<K> {
    const touched = new Set<K>();
    this.#evict(evicted, touched);
    for (const pane of added) this.#add(pane, touched);
    this.#applyFilter(touched);
    return touched;
  }

  #evict(until: number, touched: Set<K>): void {
    let count = 0;
    while ((this.#panes[count]?.time ?? Infinity) <= until) count++;
    const leaving = this.#panes.splice(0, count);
    const single = leaving.length === 1 ? leaving[0]?.partials : undefined;
    const { reduce, inverse } = this.#options;
    // The old values of a key are put together first, so that the inverse is called once a key.
    const old = inverse && !single ? new Map<K, P>() : undefined;
    for (const { time, partials } of leaving) {
      for (const [key, partial] of partials) {
        const slot = this.#slots.get(key);
        if (slot === undefined || slot.since > time) continue;
        touched.add(key);
        slot.panes--;
        slot.stacks?.evict();
        if (old) old.set(key, old.has(key) ? reduce(old.get(key) as P, partial) : partial);
      }
    }
    for (const key of touched) {
      const slot = this.#slots.get(key) as Slot<P>;
      if (slot.panes === 0) this.#slots.delete(key);
      else if (inverse) slot.value = inverse(slot.value, (single ?? old)?.get(key) as P);
      else slot.value = slot.stacks?.query() as P;
    }
  }

  #add(pane: Pane<K, P>, touched: Set<K>): void {
    const { reduce, inverse } = this.#options;
    this.#panes.push(pane);
    for (const [key, partial] of pane.partials) {
      touched.add(key);
      const slot = this.#slots.get(key);
      if (slot === undefined) {
        const stacks = inverse ? undefined : new TwoStacks<P>(reduce);
        stacks?.insert(partial);
        this.#slots.set(key, { since: pane.time, panes: 1, value: partial, stacks });
      } else {
        slot.panes++;
        slot.stacks?.insert(partial);
        slot.value = reduce(slot.value, partial);
      }
    }
  }

  #applyFilter(touched: Set<K>): void {
    const { filter } = this.#options;
    if (!filter) return;
    const keys = this.#filterAll ? [...this.#slots.keys()] : touched;
    this.#filterAll = false;
    for (const key of keys) {
      const slot = this.#slots.get(key);
      if (slot === undefined || filter([key, slot.value])) continue;
      this.#slots.delete(key);
      touched.add(key);
    }
  }
}
