import type { EventClock } from '../batch/eventTime.js';
import type { Key } from '../batch/key.js';
import { entryOf } from '../collections/entryOf.js';
import type { Aggregator } from '../windows/aggregator.js';
import { type FilledPane, FilledWindow, type PaneLookUp } from '../windows/filledWindow.js';
import type { Pane } from '../windows/keyedWindow.js';
import type { SlotOperation } from '../windows/slotColumns.js';
import { FilledPartials } from './filledPartials.js';
import { type KeySlots, OpenKeys } from './openKeys.js';
import type { WindowNumbers } from './windowNumbers.js';

/** What became of a record. */
export type Placement = 'counted' | 'partly late' | 'late' | 'in no window';

/** The partials of one pane, by key. A Map is one. */
export interface Partials<K, P> {
  get(key: K): P | undefined;
  entries(): Iterable<readonly [K, P]>;
}

/** A pane that the watermark has not passed: no window that contains it has closed. */
interface OpenPane<K, P> {
  readonly number: number;
  /** Its first ms, and the first one after it. */
  readonly start: number;
  readonly end: number;
  /** The watermark at which the first window that contains it closes. */
  readonly firstCloses: number;
  /** What enters the sliding window or, if windows have one pane only, is the result of one. */
  readonly filled: FilledPartials<K, P>;
}

/** Learns what changes, so that a checkpoint saves that and nothing else. */
export interface PaneChanges<K, P> {
  /** The partial of a key in a pane has changed. */
  pane(pane: number, key: K, partials: Partials<K, P>): void;
  /** The same of stragglers, which count from `window` on. */
  straggler(window: number, pane: number, key: K, partials: Partials<K, P>): void;
  /** A window has been given: its stragglers are part of their panes, and panes before `firstPane` have left. */
  given(window: number, firstPane: number): void;
}

/** What a checkpoint held. */
export interface RestoredPanes<K, P> {
  /** By the number of the pane. */
  readonly panes: ReadonlyMap<number, Map<K, P>>;
  /** By the first window for which they count, then by the number of the pane. */
  readonly stragglers: ReadonlyMap<number, Map<number, Map<K, P>>>;
  /** The last window that was given, if any. */
  readonly given: number | undefined;
}

/** What a pane has of windows that are still open. */
export interface PaneView<K, P> extends PaneLookUp<K, P> {
  /** The first window that counts it: stragglers are views of their own. */
  readonly from: number;
}

/** The keys of a window, each with its partial. A Map is one. */
export interface KeyedPartials<K, P> {
  forEach(visit: (partial: P, key: K) => void): void;
}

/**
 * Panes that the watermark sorts: records enter their panes in any order, at the cost of a look-up each; a pane is released into a
 * sliding window, in order, when the first window that contains it closes. So what slides sees no disorder.
 *
 * A record that is late for the first windows of its pane and not for all waits until those have been given (a straggler), and
 * then enters the pane, which is inside the sliding window by then: that is rebuilt.
 *
 * The partials of a key are combined in any order: `combine` must be commutative. Windows are given in order, their keys in the
 * order of their first panes and, within a pane, in the order in which they came: the same after a restart.
 */
export class EventPanes<K extends Key, In, P> {
  readonly #numbers: WindowNumbers;
  readonly #lift: (input: In) => P;
  readonly #combine: (a: P, b: P) => P;
  readonly #add: (partial: P, input: In) => P;
  readonly #changes: PaneChanges<K, P> | undefined;
  readonly #open = new Map<number, OpenPane<K, P>>();
  /** The numbers of the open panes, rising. */
  readonly #order: number[] = [];
  /** The pane of the last record: most often also that of the next one. */
  #latest: OpenPane<K, P> | undefined;
  /** Open panes by the last bits of their numbers, so that records out of order find theirs without a map. */
  readonly #recent: (OpenPane<K, P> | undefined)[] = Array.from({ length: recentPanes });
  readonly #stragglers = new Map<number, Map<number, Map<K, P>>>();
  /** If a window has several panes: those of the last one that was given, and the slots of the keys in open panes. */
  readonly #sliding: FilledWindow<K, P>;
  /** The keys of open panes. */
  readonly #keys: KeySlots<K, P>;
  /** The newest of them. */
  #newest = -Infinity;
  /** The last window that was given. */
  #given = -Infinity;
  /** How many keys the pane has that was released last: the next ones have about as many. */
  #expected = 0;

  constructor(
    numbers: WindowNumbers,
    { lift, combine, add }: Pick<Aggregator<In, P, unknown>, 'lift' | 'combine' | 'add'>,
    keyed: Omit<SlotOperation<P>, 'reduce'> = {},
    changes?: PaneChanges<K, P>,
  ) {
    this.#numbers = numbers;
    this.#lift = lift;
    this.#combine = combine;
    this.#add = add ?? ((partial, input) => combine(partial, lift(input)));
    this.#changes = changes;
    this.#sliding = new FilledWindow({ ...keyed, reduce: combine });
    this.#keys = numbers.panesPerWindow === 1 ? new OpenKeys() : this.#sliding;
  }

  restore({ panes, stragglers, given }: RestoredPanes<K, P>): void {
    const numbers = this.#numbers;
    for (const [window, late] of stragglers) this.#stragglers.set(window, late);
    const released: Pane<K, P>[] = [];
    const end = given === undefined ? -Infinity : numbers.firstPane(given) + numbers.panesPerWindow;
    for (const [number, partials] of [...panes].sort(([a], [b]) => a - b)) {
      if (number < end) released.push({ time: number, partials });
      else this.#restorePane(number, partials);
    }
    this.#sliding.slide(-Infinity, released);
    this.#newest = released.at(-1)?.time ?? -Infinity;
    this.#given = given ?? -Infinity;
  }

  /**
   * Takes a record of the event time that the clock shows: a window counts it that closes after the floor. (Two numbers in place of the
   * clock would be allocated for each record.)
   */
  add(key: K, input: In, clock: Pick<EventClock, 'time' | 'floor'>): Placement {
    let pane = this.#latest;
    if (pane === undefined || clock.time < pane.start || clock.time >= pane.end) {
      const number = this.#numbers.paneAt(clock.time);
      pane = this.#recent[number & (recentPanes - 1)];
      if (pane === undefined || pane.number !== number) {
        pane = this.#open.get(number);
        if (pane === undefined) return this.#addFirst(number, key, input, clock.floor);
        this.#recent[number & (recentPanes - 1)] = pane;
      }
      this.#latest = pane;
    }
    if (pane.firstCloses <= clock.floor) return this.#addLate(pane.number, key, input, clock.floor);
    this.#enter(pane, key, input);
    return 'counted';
  }

  /** Emits the windows that are closed at a watermark and have records, in order. */
  close(watermark: number, emit: (window: number, partials: KeyedPartials<K, P>) => void): void {
    const last = this.#numbers.closedBy(watermark);
    for (let window = this.#next(); window <= last && window !== Infinity; window = this.#next()) {
      const partials = this.#close(window);
      emit(window, partials);
      if (partials instanceof FilledPartials) partials.leave();
      this.#leave(window);
    }
  }

  /** All panes of windows that are still open, by their numbers. */
  views(): readonly PaneView<K, P>[] {
    const views: PaneView<K, P>[] = [];
    const from = -Infinity;
    if (this.#newest !== -Infinity)
      for (const { time, get, keys } of this.#sliding.lookUps()) views.push({ time, get, keys, from });
    for (const [number, { filled }] of this.#open) views.push(viewOf(number, filled, from));
    for (const [window, panes] of this.#stragglers) {
      for (const [number, partials] of panes) views.push(viewOf(number, partials, window));
    }
    return views.sort((a, b) => a.time - b.time || a.from - b.from);
  }

  /** The partial of a key in a window that is still open; `views` are those of its panes. `undefined` if it is in none of them. */
  partialOf(key: K, views: readonly PaneView<K, P>[]): readonly [P] | undefined {
    let found: [P] | undefined;
    for (const view of views) {
      const partial = view.get(key);
      if (partial === undefined) continue;
      if (found) found[0] = this.#combine(found[0], partial);
      else found = [partial];
    }
    return found;
  }

  /** A record of a pane that is not open. */
  #addFirst(number: number, key: K, input: In, floor: number): Placement {
    const numbers = this.#numbers;
    const first = numbers.firstOf(number);
    if (first > numbers.lastOf(number)) return 'in no window';
    // If windows were open for a shorter time before a restart, they have been given all the same.
    if (first <= this.#given || numbers.closesAt(first) <= floor) return this.#addLate(number, key, input, floor);
    this.#latest = this.#openPane(number);
    this.#enter(this.#latest, key, input);
    return 'counted';
  }

  /** A record that is late for the first window of its pane. */
  #addLate(number: number, key: K, input: In, floor: number): Placement {
    const window = Math.max(this.#numbers.closedBy(floor), this.#given) + 1;
    if (window > this.#numbers.lastOf(number)) return 'late';
    const panes = entryOf(this.#stragglers, window, () => new Map<number, Map<K, P>>());
    const partials = entryOf(panes, number, () => new Map<K, P>());
    this.#enterMap(partials, key, input);
    this.#changes?.straggler(window, number, key, partials);
    return 'partly late';
  }

  #enter(pane: OpenPane<K, P>, key: K, input: In): void {
    const { filled } = pane;
    const id = this.#keys.idOf(key);
    const place = id === undefined ? -1 : filled.placeOf(id);
    if (place >= 0) filled.partials[place] = this.#add(filled.partials[place] as P, input);
    else {
      const partial = this.#lift(input);
      filled.put(id ?? this.#keys.add(key, partial), partial);
    }
    this.#changes?.pane(pane.number, key, filled);
  }

  #enterMap(partials: Map<K, P>, key: K, input: In): void {
    const before = partials.get(key);
    if (before !== undefined || partials.has(key)) partials.set(key, this.#add(before as P, input));
    else partials.set(key, this.#lift(input));
  }

  #openPane(number: number): OpenPane<K, P> {
    const numbers = this.#numbers;
    const start = numbers.paneStart(number);
    const firstCloses = numbers.closesAt(numbers.firstOf(number));
    const pane: OpenPane<K, P> = {
      number,
      start,
      end: start + numbers.pane,
      firstCloses,
      filled: new FilledPartials(number, this.#keys, this.#expected),
    };
    this.#open.set(number, pane);
    // Nearly always the newest.
    let place = this.#order.length;
    while (place > 0 && (this.#order[place - 1] as number) > number) place--;
    this.#order.splice(place, 0, number);
    return pane;
  }

  #restorePane(number: number, partials: ReadonlyMap<K, P>): void {
    const { filled } = this.#openPane(number);
    for (const [key, partial] of partials) filled.put(this.#keys.idOf(key) ?? this.#keys.add(key, partial), partial);
  }

  /** The next window that has a record; Infinity if none has. Windows that have none are not visited: there may be years of them. */
  #next(): number {
    const following = this.#given + 1;
    if (this.#newest !== -Infinity && this.#newest >= this.#numbers.firstPane(following)) return following;
    const [oldest] = this.#order;
    let next = oldest === undefined ? Infinity : this.#numbers.firstOf(oldest);
    for (const window of this.#stragglers.keys()) next = Math.min(next, window);
    return next;
  }

  /** Releases what a window contains. */
  #close(window: number): KeyedPartials<K, P> {
    const first = this.#numbers.firstPane(window);
    const end = first + this.#numbers.panesPerWindow;
    const released = this.#release(end);
    const added = released.map(({ filled }) => filled);
    this.#expected = added.at(-1)?.ids.length ?? this.#expected;
    if (this.#numbers.panesPerWindow === 1) return added[0] ?? new Map<K, P>();
    const late = this.#stragglers.get(window);
    if (late) this.#rebuild(first, added, late);
    else {
      this.#sliding.slide(first - 1, added);
      this.#newest = Math.max(this.#newest, added.at(-1)?.time ?? -Infinity);
    }
    return this.#sliding;
  }

  /** The open panes before `end`, oldest first. */
  #release(end: number): readonly OpenPane<K, P>[] {
    const count = this.#order.findIndex((number) => number >= end);
    const numbers = this.#order.splice(0, count < 0 ? this.#order.length : count);
    if (numbers.length > 0) this.#latest = undefined;
    return numbers.map((number) => {
      const pane = this.#open.get(number) as OpenPane<K, P>;
      this.#open.delete(number);
      if (this.#recent[number & (recentPanes - 1)] === pane) this.#recent[number & (recentPanes - 1)] = undefined;
      return pane;
    });
  }

  /** Puts stragglers into their panes, which then enter the sliding window one by one, as if it were empty. */
  #rebuild(first: number, added: readonly FilledPartials<K, P>[], late: ReadonlyMap<number, ReadonlyMap<K, P>>): void {
    const panes = new Map<number, Map<K, P>>();
    for (const { time, partials } of this.#sliding.panesFrom(first)) panes.set(time, new Map(partials));
    for (const filled of added) {
      panes.set(filled.time, new Map(filled.entries()));
      filled.leave();
    }
    for (const [number, partials] of late) {
      const pane = entryOf(panes, number, () => new Map<K, P>());
      for (const [key, partial] of partials) {
        pane.set(key, pane.has(key) ? this.#combine(pane.get(key) as P, partial) : partial);
        this.#changes?.pane(number, key, pane);
      }
    }
    const sorted = Array.from(panes, ([time, partials]) => ({ time, partials })).sort((a, b) => a.time - b.time);
    this.#sliding.slide(Infinity, sorted);
    this.#newest = sorted.at(-1)?.time ?? -Infinity;
  }

  /** A window has been given. */
  #leave(window: number): void {
    const next = this.#numbers.firstPane(window + 1);
    this.#stragglers.delete(window);
    this.#given = window;
    if (this.#newest < next) {
      // Nothing of it is in any other window.
      if (this.#newest !== -Infinity) this.#sliding.slide(Infinity, nothing);
      this.#newest = -Infinity;
    }
    this.#changes?.given(window, next);
  }
}

function viewOf<K, P>(time: number, partials: Partials<K, P>, from: number): PaneView<K, P> {
  return { time, from, get: (key) => partials.get(key), keys: () => Array.from(partials.entries(), ([key]) => key) };
}

/** A power of two. */
const recentPanes = 64;

const nothing: readonly FilledPane<never>[] = [];
