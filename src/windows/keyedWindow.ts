import { DabaLite } from './dabaLite.js';
import { Fifo } from './fifo.js';
import type { SlidingAggregator } from './slidingAggregator.js';
import { TwoStacks } from './twoStacks.js';

/** What one batch brought: a partial for each of its keys. */
export interface Pane<K, P> {
  /** The batch time, ms. */
  readonly time: number;
  readonly partials: ReadonlyMap<K, P>;
  /** Keys that the filter dropped in the slide at this time. To be saved with the pane, and read by `restore` alone. */
  readonly dropped?: Iterable<K> | undefined;
}

/** The aggregate of one key within the window. */
interface Slot<P> {
  /** Time of the first pane that counts: an older one was forgotten when a filter dropped the key. */
  readonly since: number;
  /** How many panes in the window have the key. At 0 the key leaves. */
  panes: number;
  value: P;
  /** Without an inverse from the second pane on; with one only while a number is in it that cannot be taken out. */
  sliding: SlidingAggregator<P> | undefined;
  /** Whether `sliding` has changed since `value` was taken from it. */
  changed: boolean;
  /** With an inverse that is not exact: the newest panes by themselves, reduced, and how many they are. */
  fresh: P | undefined;
  freshPanes: number;
  /** How many panes have NaN or an infinity for the key. */
  nonFinite: number;
}

export interface KeyedWindowOptions<K, P> {
  /** Associative; older values come first. */
  readonly reduce: (a: P, b: P) => P;
  /** `inverse(reduce(a, b), a)` must equal `b`, up to the order of the values. */
  readonly inverse?: ((value: P, old: P) => P) | undefined;
  /**
   * Whether the inverse is exact to the last bit, so that nothing needs a refresh; false when nothing is sure to be.
   * @default exact for all but numbers
   */
  readonly exact?: boolean | undefined;
  /** Drops a key, from the window too, when it gives false. */
  readonly filter?: ((pair: readonly [K, P]) => boolean) | undefined;
  /**
   * Without an inverse: whether the calls of `reduce` for a key are few on average (three a pane) or at every slide (six).
   * @default 'average'
   */
  readonly latency?: 'average' | 'worst-case' | undefined;
}

/**
 * A sliding window by key. A slide costs what comes and what goes: the keys of the panes that enter and of those that
 * leave. Each key counts the panes that hold it, so it leaves exactly when its last pane does, and nothing of it (a zero,
 * a rounding error) stays behind. Panes go by their times; there may be gaps between them.
 *
 * With an inverse that is not exact, a value is refreshed so that its rounding errors cannot pile up: the panes that came after some moment
 * are also reduced by themselves, and that is the value once all older ones have left. While NaN or an infinity is in the
 * window of a key, which no inverse could take out again, the key does without.
 *
 * Source: what Spark's `ReducedWindowedDStream` computes, without its pass over all keys.
 */
export class KeyedWindow<K, P> {
  readonly #options: KeyedWindowOptions<K, P>;
  readonly #panes = new Fifo<Pane<K, P>>();
  readonly #slots = new Map<K, Slot<P>>();
  #dropped: K[] = [];
  #filterAll = false;

  constructor(options: KeyedWindowOptions<K, P>) {
    this.#options = options;
  }

  /** How many keys the window has. */
  get size(): number {
    return this.#slots.size;
  }

  /** The keys that the filter dropped in the last slide: to be saved with the pane of its time. */
  get dropped(): readonly K[] {
    return this.#dropped;
  }

  has(key: K): boolean {
    return this.#slots.has(key);
  }

  get(key: K): P | undefined {
    const slot = this.#slots.get(key);
    return slot && current(slot);
  }

  *entries(): IterableIterator<readonly [K, P]> {
    for (const [key, slot] of this.#slots) yield [key, current(slot)];
  }

  /** Rebuilds the window from its panes, oldest first, after a restart. */
  restore(panes: Iterable<Pane<K, P>>): void {
    const touched = new Set<K>();
    for (const pane of panes) {
      this.#add(pane, touched);
      for (const key of pane.dropped ?? []) this.#slots.delete(key);
    }
    // The filter may be another one now: the next slide asks it about every key.
    this.#filterAll = this.#options.filter !== undefined;
  }

  /**
   * Takes out the panes with times up to and including `evicted`, then puts the new ones in, oldest first. Gives the keys
   * that either touched; those that are no longer in the window have left it.
   */
  slide(evicted: number, added: Iterable<Pane<K, P>>): ReadonlySet<K> {
    const touched = new Set<K>();
    this.#evict(
      this.#panes.takeWhile(({ time }) => time <= evicted),
      touched,
    );
    for (const pane of added) this.#add(pane, touched);
    this.#applyFilter(touched);
    return touched;
  }

  #evict(leaving: readonly Pane<K, P>[], touched: Set<K>): void {
    if (this.#panes.size === 0) {
      // A slide as long as the window, or longer: nothing stays, and nothing need be taken out.
      for (const key of this.#slots.keys()) touched.add(key);
      this.#slots.clear();
      return;
    }
    const single = leaving.length === 1 ? leaving[0]?.partials : undefined;
    const { reduce, inverse } = this.#options;
    // The old values of a key are put together first, so that the inverse is called once a key.
    const old = inverse && !single ? new Map<K, P>() : undefined;
    for (const { time, partials } of leaving) {
      for (const [key, partial] of partials) {
        const slot = this.#slots.get(key);
        if (slot === undefined || slot.since > time) continue;
        touched.add(key);
        this.#leave(slot, partial);
        if (old) old.set(key, old.has(key) ? reduce(old.get(key) as P, partial) : partial);
      }
    }
    for (const key of touched) {
      const slot = this.#slots.get(key) as Slot<P>;
      if (slot.panes === 0) this.#slots.delete(key);
      else this.#settle(slot, (single ?? old)?.get(key) as P);
    }
  }

  #leave(slot: Slot<P>, partial: P): void {
    const { inverse } = this.#options;
    slot.panes--;
    if (isNonFinite(partial)) slot.nonFinite--;
    if (slot.sliding) {
      slot.sliding.evict();
      slot.changed = true;
    } else if (inverse && slot.freshPanes > slot.panes) {
      // Where the slide is no part of the window, what leaves may reach into the newest panes.
      slot.freshPanes--;
      if (slot.panes > 0) slot.fresh = inverse(slot.fresh as P, partial);
    }
  }

  /** The value of a slot that `old` has left. */
  #settle(slot: Slot<P>, old: P): void {
    const { inverse } = this.#options;
    if (!inverse) return;
    if (slot.sliding) {
      if (slot.nonFinite > 0) return;
      slot.value = current(slot);
      slot.sliding = undefined;
      slot.freshPanes = 0;
    } else if (slot.freshPanes < slot.panes) slot.value = inverse(slot.value, old);
    else {
      slot.value = slot.fresh as P;
      slot.freshPanes = 0;
    }
  }

  #add(pane: Pane<K, P>, touched: Set<K>): void {
    this.#panes.push(pane);
    for (const [key, partial] of pane.partials) {
      touched.add(key);
      const slot = this.#slots.get(key);
      if (slot) this.#enter(slot, key, partial);
      else this.#slots.set(key, newSlot(pane.time, partial));
    }
  }

  #enter(slot: Slot<P>, key: K, partial: P): void {
    slot.panes++;
    if (isNonFinite(partial)) slot.nonFinite++;
    if (slot.sliding) slot.sliding.insert(partial);
    else if (!this.#options.inverse) {
      slot.sliding = this.#newSliding();
      slot.sliding.insert(slot.value);
      slot.sliding.insert(partial);
    } else if (slot.nonFinite > 0) slot.sliding = this.#slidingOf(key, slot.since);
    else this.#combine(slot, partial);
    slot.changed = slot.sliding !== undefined;
  }

  #combine(slot: Slot<P>, partial: P): void {
    const { reduce, exact } = this.#options;
    slot.value = reduce(slot.value, partial);
    if (exact ?? typeof partial !== 'number') {
      slot.freshPanes = 0;
      return;
    }
    slot.fresh = slot.freshPanes === 0 ? partial : reduce(slot.fresh as P, partial);
    slot.freshPanes++;
  }

  #newSliding(): SlidingAggregator<P> {
    const { reduce, latency } = this.#options;
    return latency === 'worst-case' ? new DabaLite(reduce) : new TwoStacks(reduce);
  }

  /** Goes over all panes, once for the time in which a key has a number that cannot be taken out. */
  #slidingOf(key: K, since: number): SlidingAggregator<P> {
    const sliding = this.#newSliding();
    for (const { time, partials } of this.#panes) {
      if (time >= since && partials.has(key)) sliding.insert(partials.get(key) as P);
    }
    return sliding;
  }

  #applyFilter(touched: Set<K>): void {
    const { filter } = this.#options;
    this.#dropped = [];
    if (!filter) return;
    const keys = this.#filterAll ? [...this.#slots.keys()] : touched;
    this.#filterAll = false;
    for (const key of keys) {
      const slot = this.#slots.get(key);
      if (slot === undefined || filter([key, current(slot)])) continue;
      this.#slots.delete(key);
      this.#dropped.push(key);
      touched.add(key);
    }
  }
}

function newSlot<P>(since: number, value: P): Slot<P> {
  const nonFinite = isNonFinite(value) ? 1 : 0;
  return { since, panes: 1, value, sliding: undefined, changed: false, fresh: undefined, freshPanes: 0, nonFinite };
}

/** Taken only when it is asked for, so that what enters and leaves in one slide costs one call. */
function current<P>(slot: Slot<P>): P {
  if (slot.changed) {
    slot.value = slot.sliding?.query() as P;
    slot.changed = false;
  }
  return slot.value;
}

function isNonFinite(partial: unknown): boolean {
  return typeof partial === 'number' && !Number.isFinite(partial);
}
