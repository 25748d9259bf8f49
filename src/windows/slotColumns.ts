import { DabaLite } from './dabaLite.js';
import { holdsNonFinite, holdsNumber, isNonFinite } from './heldNumbers.js';
import type { SlidingAggregator } from './slidingAggregator.js';
import { SmallWindow } from './smallWindow.js';
import { TwoStacks } from './twoStacks.js';

/** How the values of a key slide. */
export interface SlotOperation<P> {
  /** Associative; older values come first. */
  readonly reduce: (a: P, b: P) => P;
  /** `inverse(reduce(a, b), a)` must equal `b`, up to the order of the values. */
  readonly inverse?: ((value: P, old: P) => P) | undefined;
  /**
   * Whether the inverse is exact to the last bit, so that nothing needs a refresh; false if that is not certain.
   * @default exact for all but numbers, alone or in a pair, an array or a plain object
   */
  readonly exact?: boolean | undefined;
  /**
   * Without an inverse: whether the calls of `reduce` per key are bounded on average (three per pane) or in every slide (six).
   * @default 'average'
   */
  readonly latency?: 'average' | 'worst-case' | undefined;
}

/**
 * The values of the keys of a `FilledWindow`, as panes with their partials enter and leave: by the rules of `KeyedWindow`, where a key has
 * an object of its own. Here it has a small number, the id of its slot, and all that is known of it is in columns by id, so that visiting
 * keys in any order reads little memory. Which panes a key is in is known to the window, and so is their number.
 */
export class SlotColumns<P> {
  readonly #operation: SlotOperation<P>;
  readonly #partialsOf: (id: number) => Iterable<P>;
  readonly #values: P[] = [];
  /** Without an inverse: from the second pane on. With one: only while a pane contains a number that cannot be subtracted. */
  readonly #sliding: (SlidingAggregator<P> | undefined)[] = [];
  /** Whether the sliding aggregate has changed since the value was read from it. */
  readonly #changed: boolean[] = [];
  /** With an inverse that is not exact: the newest panes, reduced separately, and their number. */
  readonly #fresh: P[] = [];
  readonly #freshPanes: number[] = [];
  /** With an inverse: number of panes with NaN or an infinity for the key. */
  readonly #nonFinite: number[] = [];
  readonly #freeIds: number[] = [];
  /**
   * Whether the inverse is exact, and has been able to subtract each partial so far: then a slot is its value, and no other column is read
   * or written.
   */
  #isPlain: boolean;

  /** `partialsOf`: the partials of a slot in the panes of the window, oldest first, that of the pane that enters too. */
  constructor(operation: SlotOperation<P>, partialsOf: (id: number) => Iterable<P>) {
    this.#operation = operation;
    this.#isPlain = operation.inverse !== undefined && operation.exact === true;
    this.#partialsOf = partialsOf;
  }

  /** The id of a new slot, which is in no pane yet. */
  add(partial: P): number {
    const free = this.#freeIds.pop();
    if (free !== undefined) return free;
    this.#sliding.push(undefined);
    this.#changed.push(false);
    this.#fresh.push(partial);
    this.#freshPanes.push(0);
    this.#nonFinite.push(0);
    return this.#values.push(partial) - 1;
  }

  /** The key has left; another one gets the id. */
  remove(id: number): void {
    this.#sliding[id] = undefined;
    this.#changed[id] = false;
    // Releases what is on the heap; a column of numbers stays one.
    if (typeof this.#values[id] === 'object') this.#values[id] = undefined as P;
    if (typeof this.#fresh[id] === 'object') this.#fresh[id] = undefined as P;
    this.#freeIds.push(id);
  }

  /** Read only when needed, so that what enters and leaves in one slide costs one call. */
  current(id: number): P {
    if (!this.#isPlain && this.#changed[id]) {
      this.#values[id] = this.#sliding[id]?.query() as P;
      this.#changed[id] = false;
    }
    return this.#values[id] as P;
  }

  /** The first pane of a slot, which is new or whose panes have all left. */
  begin(id: number, partial: P): void {
    const { inverse, exact } = this.#operation;
    this.#values[id] = partial;
    if (this.#staysPlain(partial)) return;
    if (inverse === undefined || this.#sliding[id] !== undefined) {
      this.#sliding[id] = undefined;
      this.#changed[id] = false;
    }
    if (inverse === undefined) return;
    if (exact !== true) this.#freshPanes[id] = 0;
    this.#nonFinite[id] = this.#isStuck(partial) ? 1 : 0;
  }

  /** Another pane of a slot enters. */
  enter(id: number, partial: P): void {
    const { inverse, reduce, exact } = this.#operation;
    if (this.#staysPlain(partial)) {
      this.#values[id] = reduce(this.#values[id] as P, partial);
      return;
    }
    if (inverse && this.#isStuck(partial)) this.#nonFinite[id] = (this.#nonFinite[id] as number) + 1;
    const sliding = this.#sliding[id];
    if (sliding) this.#insert(id, sliding, partial);
    else if (!inverse) {
      this.#sliding[id] = new SmallWindow(reduce, this.#values[id] as P, partial);
    } else if ((this.#nonFinite[id] as number) > 0) this.#sliding[id] = this.#slidingOf(id);
    else {
      this.#values[id] = reduce(this.#values[id] as P, partial);
      if (exact !== true) this.#refresh(id, partial);
      return;
    }
    this.#changed[id] = true;
  }

  /**
   * The oldest pane of a slot leaves, and `panes` stay. If several panes leave in one slide, `old` collects what leaves by slot, so that
   * the inverse is called once: call `settle` with it then.
   */
  leave(id: number, partial: P, panes: number, old: Map<number, P> | undefined): void {
    const { inverse, reduce, exact } = this.#operation;
    if (!this.#isPlain) {
      const sliding = this.#sliding[id];
      if (sliding) {
        sliding.evict(1);
        this.#changed[id] = true;
      }
      if (!inverse) return;
      if (this.#isStuck(partial)) this.#nonFinite[id] = (this.#nonFinite[id] as number) - 1;
      if (exact !== true && !sliding) this.#leaveFresh(id, partial, panes, inverse);
    }
    if (!old) this.settle(id, partial, panes);
    else if (old.has(id)) old.set(id, reduce(old.get(id) as P, partial));
    else old.set(id, partial);
  }

  /** Subtracts what has left. */
  settle(id: number, old: P, panes: number): void {
    const { inverse } = this.#operation;
    if (!inverse || panes === 0) return;
    if (this.#isPlain) this.#values[id] = inverse(this.#values[id] as P, old);
    else if (this.#sliding[id]) {
      if ((this.#nonFinite[id] as number) > 0) return;
      this.#values[id] = this.current(id);
      this.#sliding[id] = undefined;
      this.#freshPanes[id] = 0;
    } else if ((this.#freshPanes[id] as number) < panes) this.#values[id] = inverse(this.#values[id] as P, old);
    else {
      this.#values[id] = this.#fresh[id] as P;
      this.#freshPanes[id] = 0;
    }
  }

  #insert(id: number, sliding: SlidingAggregator<P>, partial: P): void {
    const isFull = sliding instanceof SmallWindow && sliding.size === SmallWindow.capacity;
    const large = isFull ? sliding.moveTo(this.#newSliding()) : sliding;
    if (isFull) this.#sliding[id] = large;
    large.insert(partial);
  }

  /** What enters is also reduced separately. */
  #refresh(id: number, partial: P): void {
    const { reduce, exact } = this.#operation;
    if (exact ?? !holdsNumber(partial)) {
      this.#freshPanes[id] = 0;
      return;
    }
    const count = this.#freshPanes[id] as number;
    this.#fresh[id] = count === 0 ? partial : reduce(this.#fresh[id] as P, partial);
    this.#freshPanes[id] = count + 1;
  }

  /** If the window is not a multiple of the slide, what leaves may include some of the newest panes. */
  #leaveFresh(id: number, partial: P, panes: number, inverse: (value: P, old: P) => P): void {
    const count = this.#freshPanes[id] as number;
    if (count <= panes) return;
    this.#freshPanes[id] = count - 1;
    if (panes > 0) this.#fresh[id] = inverse(this.#fresh[id] as P, partial);
  }

  #staysPlain(partial: P): boolean {
    if (this.#isPlain && isNonFinite(partial)) this.#isPlain = false;
    return this.#isPlain;
  }

  /** Whether no inverse can subtract it. An exact inverse handles numbers within partials. */
  #isStuck(partial: P): boolean {
    return this.#operation.exact === true ? isNonFinite(partial) : holdsNonFinite(partial);
  }

  #newSliding(): SlidingAggregator<P> {
    const { reduce, latency } = this.#operation;
    return latency === 'worst-case' ? new DabaLite(reduce) : new TwoStacks(reduce);
  }

  /** Reads all panes: once for each period in which a key has a number that cannot be subtracted. */
  #slidingOf(id: number): SlidingAggregator<P> {
    const sliding = this.#newSliding();
    for (const partial of this.#partialsOf(id)) sliding.insert(partial);
    return sliding;
  }
}
