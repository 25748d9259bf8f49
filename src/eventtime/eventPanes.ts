import type { EventClock } from '../batch/eventTime.js';
import type { Key } from '../batch/key.js';
import { entryOf } from '../collections/entryOf.js';
import type { Aggregator } from '../windows/aggregator.js';
import { KeyedWindow, type KeyedWindowOptions } from '../windows/keyedWindow.js';
import type { WindowNumbers } from './windowNumbers.js';

/** What became of a record. */
export type Placement = 'new key' | 'known key' | 'partly late' | 'late' | 'in no window';

/** The partials of one pane, by key. */
export type Partials<K, P> = Map<K, P>;

/** A pane that the watermark has not passed: no window that contains it has closed. */
interface OpenPane<K, P> {
  readonly number: number;
  /** Its first ms, and the first one after it. */
  readonly start: number;
  readonly end: number;
  /** The watermark at which the first window that contains it closes. */
  readonly firstCloses: number;
  readonly partials: Partials<K, P>;
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
  readonly panes: ReadonlyMap<number, Partials<K, P>>;
  /** By the first window for which they count, then by the number of the pane. */
  readonly stragglers: ReadonlyMap<number, Map<number, Partials<K, P>>>;
  /** The last window that was given, if any. */
  readonly given: number | undefined;
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
  readonly #keyed: KeyedWindowOptions<K, P>;
  readonly #changes: PaneChanges<K, P> | undefined;
  readonly #open = new Map<number, OpenPane<K, P>>();
  /** The numbers of the open panes, rising. */
  readonly #order: number[] = [];
  /** The pane of the last record: most often also that of the next one. */
  #latest: OpenPane<K, P> | undefined;
  readonly #stragglers = new Map<number, Map<number, Partials<K, P>>>();
  /** The panes of the last window that was given, if a window has several. */
  #sliding: KeyedWindow<K, P>;
  /** The newest of them. */
  #newest = -Infinity;
  /** The last window that was given. */
  #given = -Infinity;

  constructor(
    numbers: WindowNumbers,
    { lift, combine, add }: Pick<Aggregator<In, P, unknown>, 'lift' | 'combine' | 'add'>,
    keyed: Omit<KeyedWindowOptions<K, P>, 'reduce' | 'filter'> = {},
    changes?: PaneChanges<K, P>,
  ) {
    this.#numbers = numbers;
    this.#lift = lift;
    this.#combine = combine;
    this.#add = add ?? ((partial, input) => combine(partial, lift(input)));
    this.#keyed = { ...keyed, reduce: combine };
    this.#changes = changes;
    this.#sliding = new KeyedWindow(this.#keyed);
  }

  restore({ panes, stragglers, given }: RestoredPanes<K, P>): void {
    const numbers = this.#numbers;
    for (const [window, late] of stragglers) this.#stragglers.set(window, late);
    const released: { readonly time: number; readonly partials: Partials<K, P> }[] = [];
    const end = given === undefined ? -Infinity : numbers.firstPane(given) + numbers.panesPerWindow;
    for (const [number, partials] of [...panes].sort(([a], [b]) => a - b)) {
      if (number < end) released.push({ time: number, partials });
      else this.#openPane(number, partials);
    }
    this.#sliding.restore(released);
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
      pane = this.#open.get(number);
      if (pane === undefined) return this.#addFirst(number, key, input, clock.floor);
      this.#latest = pane;
    }
    if (pane.firstCloses <= clock.floor) return this.#addLate(pane.number, key, input, clock.floor);
    this.#changes?.pane(pane.number, key, pane.partials);
    return this.#enter(pane.partials, key, input);
  }

  /** Emits the windows that are closed at a watermark and have records, in order. */
  close(watermark: number, emit: (window: number, partials: KeyedPartials<K, P>) => void): void {
    const last = this.#numbers.closedBy(watermark);
    for (let window = this.#next(); window <= last && window !== Infinity; window = this.#next()) {
      emit(window, this.#close(window));
      this.#leave(window);
    }
  }

  /** A record of a pane that is not open. */
  #addFirst(number: number, key: K, input: In, floor: number): Placement {
    const numbers = this.#numbers;
    const first = numbers.firstOf(number);
    if (first > numbers.lastOf(number)) return 'in no window';
    if (numbers.closesAt(first) <= floor) return this.#addLate(number, key, input, floor);
    this.#latest = this.#openPane(number, new Map());
    this.#changes?.pane(number, key, this.#latest.partials);
    return this.#enter(this.#latest.partials, key, input);
  }

  /** A record that is late for the first window of its pane. */
  #addLate(number: number, key: K, input: In, floor: number): Placement {
    const window = this.#numbers.closedBy(floor) + 1;
    if (window > this.#numbers.lastOf(number)) return 'late';
    const panes = entryOf(this.#stragglers, window, () => new Map<number, Partials<K, P>>());
    const partials = entryOf(panes, number, () => new Map<K, P>());
    this.#changes?.straggler(window, number, key, partials);
    this.#enter(partials, key, input);
    return 'partly late';
  }

  #enter(partials: Partials<K, P>, key: K, input: In): Placement {
    const before = partials.get(key);
    if (before !== undefined || partials.has(key)) {
      partials.set(key, this.#add(before as P, input));
      return 'known key';
    }
    partials.set(key, this.#lift(input));
    return 'new key';
  }

  #openPane(number: number, partials: Partials<K, P>): OpenPane<K, P> {
    const numbers = this.#numbers;
    const start = numbers.paneStart(number);
    const firstCloses = numbers.closesAt(numbers.firstOf(number));
    const pane = { number, start, end: start + numbers.pane, firstCloses, partials };
    this.#open.set(number, pane);
    // Nearly always the newest.
    let place = this.#order.length;
    while (place > 0 && (this.#order[place - 1] as number) > number) place--;
    this.#order.splice(place, 0, number);
    return pane;
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
    const added = this.#release(end);
    const late = this.#stragglers.get(window);
    if (late) this.#rebuild(first, added, late);
    else if (this.#numbers.panesPerWindow === 1) return added[0]?.partials ?? new Map<K, P>();
    else this.#sliding.slide(first - 1, added);
    this.#newest = Math.max(this.#newest, added.at(-1)?.time ?? -Infinity);
    const slots = this.#sliding.slotsByPane();
    return {
      forEach(visit) {
        for (const slot of slots) visit(slot.current(), slot.key);
      },
    };
  }

  /** The open panes before `end`, oldest first. */
  #release(end: number): { readonly time: number; readonly partials: Partials<K, P> }[] {
    const count = this.#order.findIndex((number) => number >= end);
    const numbers = this.#order.splice(0, count < 0 ? this.#order.length : count);
    if (numbers.length > 0) this.#latest = undefined;
    return numbers.map((number) => {
      const { partials } = this.#open.get(number) as OpenPane<K, P>;
      this.#open.delete(number);
      return { time: number, partials };
    });
  }

  /** Puts stragglers into their panes, and these into another sliding window. */
  #rebuild(
    first: number,
    added: readonly { readonly time: number; readonly partials: Partials<K, P> }[],
    late: ReadonlyMap<number, Partials<K, P>>,
  ): void {
    const panes = new Map(this.#sliding.panesFrom(first).map(({ time, partials }) => [time, new Map(partials)]));
    for (const { time, partials } of added) panes.set(time, partials);
    for (const [number, partials] of late) {
      const pane = entryOf(panes, number, () => new Map<K, P>());
      for (const [key, partial] of partials) {
        pane.set(key, pane.has(key) ? this.#combine(pane.get(key) as P, partial) : partial);
        this.#changes?.pane(number, key, pane);
      }
    }
    const sorted = Array.from(panes, ([time, partials]) => ({ time, partials })).sort((a, b) => a.time - b.time);
    this.#sliding = new KeyedWindow(this.#keyed);
    this.#sliding.slide(-Infinity, sorted);
    this.#newest = sorted.at(-1)?.time ?? -Infinity;
  }

  /** A window has been given. */
  #leave(window: number): void {
    const next = this.#numbers.firstPane(window + 1);
    this.#stragglers.delete(window);
    this.#given = window;
    if (this.#newest < next) {
      // Nothing of it is in any other window.
      this.#newest = -Infinity;
      if (this.#sliding.size > 0) this.#sliding = new KeyedWindow(this.#keyed);
    }
    this.#changes?.given(window, next);
  }
}
