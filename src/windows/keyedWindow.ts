import { Fifo } from '../collections/fifo.js';
import { DabaLite } from './dabaLite.js';
import { holdsNonFinite, holdsNumber, isNonFinite } from './heldNumbers.js';
import { KeyedSlot } from './keyedSlot.js';
import type { SlidingAggregator } from './slidingAggregator.js';
import type { SlotOperation } from './slotColumns.js';
import { SmallWindow } from './smallWindow.js';
import { TwoStacks } from './twoStacks.js';

/** The records of one batch: a partial for each of its keys. */
export interface Pane<K, P> {
  /** The batch time, in ms. */
  readonly time: number;
  readonly partials: Iterable<readonly [K, P]>;
  /** Keys that the filter dropped in the slide at this time. Saved with the pane; only `restore` reads them. */
  readonly dropped?: Iterable<K> | undefined;
}

/** A pane with the slots of its keys, so that no look-up is needed when it leaves. */
interface KeptPane<K, P> {
  readonly time: number;
  readonly slots: readonly KeyedSlot<K, P>[];
  readonly partials: readonly P[];
  /** The index of each slot: created when first needed, and extended as more keys enter the pane. */
  places: Map<KeyedSlot<K, P>, number> | undefined;
}

export interface KeyedWindowOptions<K, P> extends SlotOperation<P> {
  /** Drops a key, also from the window, if it returns false. */
  readonly filter?: ((pair: readonly [K, P]) => boolean) | undefined;
}

/**
 * A sliding window by key. A slide costs the keys of the panes that enter and of those that leave. Each key counts the panes
 * that contain it, so it leaves exactly with its last pane, and nothing of it (a zero, a rounding error) stays behind. Panes are
 * ordered by their times; there may be gaps between them.
 *
 * With an inverse that is not exact, a value is refreshed so that rounding errors cannot accumulate: the panes after some moment
 * are also reduced separately, and that is the value when all older panes have left. While the window of a key contains NaN or
 * an infinity, which no inverse can subtract, the key does without the inverse. Numbers deeper than in a pair, an array or a
 * plain object are not noticed.
 *
 * Source: what Spark's `ReducedWindowedDStream` computes, without its pass over all keys.
 */
export class KeyedWindow<K, P> {
  readonly #options: KeyedWindowOptions<K, P>;
  readonly #panes = new Fifo<KeptPane<K, P>>();
  readonly #slots = new Map<K, KeyedSlot<K, P>>();
  #touched: KeyedSlot<K, P>[] = [];
  /** With a filter: the slots created in this slide. A slot that the filter drops at once was in no result. */
  readonly #born = new Set<KeyedSlot<K, P>>();
  #slide = 0;
  #dropped: K[] = [];
  #filterAll = false;

  constructor(options: KeyedWindowOptions<K, P>) {
    this.#options = options;
  }

  /** Number of keys in the window. */
  get size(): number {
    return this.#slots.size;
  }

  /** The keys that the filter dropped in the last slide, to save with the pane of its time. */
  get dropped(): readonly K[] {
    return this.#dropped;
  }

  get(key: K): P | undefined {
    return this.#slots.get(key)?.current();
  }

  /** The keys of the window, each with its aggregate. */
  slots(): Iterable<KeyedSlot<K, P>> {
    return this.#slots.values();
  }

  /** Rebuilds the window from its panes, oldest first, after a restart. */
  restore(panes: Iterable<Pane<K, P>>): void {
    for (const pane of panes) {
      this.#add(pane);
      for (const key of pane.dropped ?? []) {
        const slot = this.#slots.get(key);
        if (slot) this.#remove(slot);
      }
    }
    this.#born.clear();
    // The filter may have changed: the next slide calls it for every key.
    this.#filterAll = this.#options.filter !== undefined;
  }

  /**
   * Removes the panes with times up to and including `evicted`, then adds the new ones, oldest first. Returns the slots of the
   * keys of both; those no longer in the window are empty. A new key that the filter drops at once is not among them.
   */
  slide(evicted: number, added: Iterable<Pane<K, P>>): readonly KeyedSlot<K, P>[] {
    this.#touched = [];
    this.#born.clear();
    this.#slide++;
    this.#evict(this.#panes.takeWhile(({ time }) => time <= evicted));
    for (const pane of added) this.#add(pane);
    this.#applyFilter();
    // Not before: a key that leaves and returns in one slide keeps its slot.
    for (const slot of this.#touched) if (slot.panes === 0) this.#remove(slot);
    if (this.#born.size === 0 || this.#dropped.length === 0) return this.#touched;
    return this.#touched.filter((slot) => !slot.removed || !this.#born.has(slot));
  }

  #touch(slot: KeyedSlot<K, P>): void {
    if (slot.slide === this.#slide) return;
    slot.slide = this.#slide;
    this.#touched.push(slot);
  }

  #remove(slot: KeyedSlot<K, P>): void {
    if (slot.removed) return;
    slot.panes = 0;
    slot.removed = true;
    this.#slots.delete(slot.key);
  }

  #evict(leaving: readonly KeptPane<K, P>[]): void {
    if (this.#panes.size === 0) {
      // A slide as long as the window, or longer: nothing stays, so nothing must be subtracted.
      for (const slot of this.#slots.values()) {
        this.#touch(slot);
        slot.panes = 0;
      }
      return;
    }
    // The old values of a key are reduced first, so that the inverse is called once per key.
    const old = leaving.length > 1 ? new Map<KeyedSlot<K, P>, P>() : undefined;
    for (const { slots, partials } of leaving) {
      for (let i = 0; i < slots.length; i++) {
        const slot = slots[i] as KeyedSlot<K, P>;
        // The filter dropped it, and its panes with it.
        if (slot.removed) continue;
        this.#touch(slot);
        this.#leave(slot, partials[i] as P, old);
      }
    }
    if (old) for (const [slot, partial] of old) this.#settle(slot, partial);
  }

  #leave(slot: KeyedSlot<K, P>, partial: P, old: Map<KeyedSlot<K, P>, P> | undefined): void {
    const { inverse, reduce } = this.#options;
    slot.panes--;
    if (slot.sliding) {
      slot.sliding.evict(1);
      slot.changed = true;
    }
    if (!inverse) return;
    if (this.#isStuck(partial)) slot.nonFinite--;
    if (!slot.sliding && slot.freshPanes > slot.panes) {
      // If the window is not a multiple of the slide, what leaves may include some of the newest panes.
      slot.freshPanes--;
      if (slot.panes > 0) slot.fresh = inverse(slot.fresh, partial);
    }
    if (!old) this.#settle(slot, partial);
    else if (old.has(slot)) old.set(slot, reduce(old.get(slot) as P, partial));
    else old.set(slot, partial);
  }

  /** The value of a slot after `old` has left. */
  #settle(slot: KeyedSlot<K, P>, old: P): void {
    const { inverse } = this.#options;
    if (!inverse || slot.panes === 0) return;
    if (slot.sliding) {
      if (slot.nonFinite > 0) return;
      slot.value = slot.current();
      slot.sliding = undefined;
      slot.freshPanes = 0;
    } else if (slot.freshPanes < slot.panes) slot.value = inverse(slot.value, old);
    else {
      slot.value = slot.fresh;
      slot.freshPanes = 0;
    }
  }

  #add({ time, partials: pairs }: Pane<K, P>): void {
    const slots: KeyedSlot<K, P>[] = [];
    const partials: P[] = [];
    this.#panes.push({ time, slots, partials, places: undefined });
    for (const [key, partial] of pairs) {
      const slot = this.#slots.get(key) ?? this.#newSlot(key, partial);
      slots.push(slot);
      partials.push(partial);
      if (slot.panes > 0) this.#enter(slot, partial);
      else this.#begin(slot, partial);
      this.#touch(slot);
    }
  }

  #newSlot(key: K, partial: P): KeyedSlot<K, P> {
    const slot = new KeyedSlot(key, partial);
    this.#slots.set(key, slot);
    if (this.#options.filter) this.#born.add(slot);
    return slot;
  }

  /** The first pane of a slot, which is new or whose panes have all left. */
  #begin(slot: KeyedSlot<K, P>, partial: P): void {
    slot.panes = 1;
    slot.value = partial;
    slot.sliding = undefined;
    slot.changed = false;
    slot.freshPanes = 0;
    slot.nonFinite = this.#options.inverse && this.#isStuck(partial) ? 1 : 0;
  }

  #enter(slot: KeyedSlot<K, P>, partial: P): void {
    const { inverse, reduce, exact } = this.#options;
    slot.panes++;
    if (inverse && this.#isStuck(partial)) slot.nonFinite++;
    if (slot.sliding) {
      if (slot.sliding instanceof SmallWindow && slot.sliding.size === SmallWindow.capacity) {
        slot.sliding = slot.sliding.moveTo(this.#newSliding());
      }
      slot.sliding.insert(partial);
    } else if (!inverse) {
      slot.sliding = new SmallWindow(reduce, slot.value, partial);
    } else if (slot.nonFinite > 0) slot.sliding = this.#slidingOf(slot);
    else {
      slot.value = reduce(slot.value, partial);
      if (exact ?? !holdsNumber(partial)) slot.freshPanes = 0;
      else slot.fresh = slot.freshPanes++ === 0 ? partial : reduce(slot.fresh, partial);
      return;
    }
    slot.changed = true;
  }

  /** Whether no inverse can subtract it. An exact inverse handles numbers within partials. */
  #isStuck(partial: P): boolean {
    return this.#options.exact === true ? isNonFinite(partial) : holdsNonFinite(partial);
  }

  #newSliding(): SlidingAggregator<P> {
    const { reduce, latency } = this.#options;
    return latency === 'worst-case' ? new DabaLite(reduce) : new TwoStacks(reduce);
  }

  /** Reads all panes: once for each period in which a key has a number that cannot be subtracted. */
  #slidingOf(slot: KeyedSlot<K, P>): SlidingAggregator<P> {
    const sliding = this.#newSliding();
    for (const pane of this.#panes) {
      const place = placeOf(pane, slot);
      if (place !== undefined) sliding.insert(pane.partials[place] as P);
    }
    return sliding;
  }

  #applyFilter(): void {
    const { filter } = this.#options;
    this.#dropped = [];
    if (!filter) return;
    const slots = this.#filterAll ? [...this.#slots.values()] : this.#touched;
    this.#filterAll = false;
    for (const slot of slots) {
      if (slot.panes === 0 || filter([slot.key, slot.current()])) continue;
      this.#remove(slot);
      this.#dropped.push(slot.key);
      this.#touch(slot);
    }
  }
}

function placeOf<K, P>(pane: KeptPane<K, P>, slot: KeyedSlot<K, P>): number | undefined {
  pane.places ??= new Map();
  const { places, slots } = pane;
  // Keys may still be entering the newest pane: those since the last call are added.
  for (let i = places.size; i < slots.length; i++) places.set(slots[i] as KeyedSlot<K, P>, i);
  return places.get(slot);
}
