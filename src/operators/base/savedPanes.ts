import type { Key } from '../../batch/key.js';
import type { KeyedState } from '../../batch/keyedState.js';
import { entryOf } from '../../collections/entryOf.js';
import type { PaneChanges, Partials, RestoredPanes } from '../../eventtime/eventPanes.js';
import { givenKey, type PaneState, type Place, partialName, placeEntry, readPaneEntries } from './paneEntries.js';

/** What a batch has changed in a pane. */
interface Touched<K, P> {
  readonly partials: Partials<K, P>;
  readonly keys: Set<K>;
}

/** A pane that has a place in the state. */
interface KeptPane<K> {
  readonly place: Place;
  /** The names of its entries, by key. */
  readonly names: Map<K, string>;
}

/**
 * Keeps the panes of event-time windows in the state of an operator: one entry for each key of a pane, so that a batch saves what it
 * has touched.
 */
export class SavedPanes<K extends Key, P> implements PaneChanges<K, P> {
  readonly #state: KeyedState<string, PaneState<P>>;
  readonly #panes = new Map<number, KeptPane<K>>();
  /** By window, then by pane. */
  readonly #stragglers = new Map<number, Map<number, KeptPane<K>>>();
  readonly #places = new FreeNumbers();
  readonly #touchedPanes = new Map<number, Touched<K, P>>();
  readonly #touchedStragglers = new Map<number, Map<number, Touched<K, P>>>();
  #given: number | undefined;
  #firstPane = -Infinity;

  constructor(state: KeyedState<string, PaneState<P>>) {
    this.#state = state;
  }

  restored(): RestoredPanes<K, P> {
    const panes = new Map<number, Map<K, P>>();
    const stragglers = new Map<number, Map<number, Map<K, P>>>();
    const saved = readPaneEntries<K, P>(this.#state.entries());
    this.#given = saved.given;
    for (const place of saved.places) {
      this.#places.use(place.number);
      this.#panesOf(place.window).set(place.pane, { place, names: new Map() });
    }
    for (const { name, place, key, partial } of saved.partials) {
      const { pane, window } = place;
      const partials = window === undefined ? panes : entryOf(stragglers, window, () => new Map());
      entryOf(partials, pane, () => new Map()).set(key, partial);
      this.#panesOf(window).get(pane)?.names.set(key, name);
    }
    return { panes, stragglers, given: this.#given };
  }

  pane(pane: number, key: K, partials: Partials<K, P>): void {
    touch(this.#touchedPanes, pane, key, partials);
  }

  straggler(window: number, pane: number, key: K, partials: Partials<K, P>): void {
    touch(
      entryOf(this.#touchedStragglers, window, () => new Map()),
      pane,
      key,
      partials,
    );
  }

  given(window: number, firstPane: number): void {
    this.#given = window;
    this.#firstPane = firstPane;
  }

  /** Sets and deletes what has changed since the last call. */
  flush(): void {
    const given = this.#given ?? -Infinity;
    for (const [pane, { partials, keys }] of this.#touchedPanes) {
      if (pane >= this.#firstPane) this.#set(pane, undefined, partials, keys);
    }
    for (const [window, panes] of this.#touchedStragglers) {
      if (window <= given) continue;
      for (const [pane, { partials, keys }] of panes) this.#set(pane, window, partials, keys);
    }
    this.#touchedPanes.clear();
    this.#touchedStragglers.clear();
    // After what is set: a place is given to another pane in a later batch, so that its keys are in the order in which they came.
    for (const [pane, kept] of this.#panes) {
      if (pane >= this.#firstPane) continue;
      this.#panes.delete(pane);
      this.#leave(kept);
    }
    for (const [window, panes] of this.#stragglers) {
      if (window > given) continue;
      this.#stragglers.delete(window);
      for (const kept of panes.values()) this.#leave(kept);
    }
    this.#saveGiven();
  }

  #set(pane: number, window: number | undefined, partials: Partials<K, P>, keys: ReadonlySet<K>): void {
    const { place, names } = entryOf(this.#panesOf(window), pane, () => this.#keep(pane, window));
    for (const key of keys) {
      const name = entryOf(names, key, () => partialName(place.number, key));
      this.#state.set(name, partials.get(key) as P);
    }
  }

  #keep(pane: number, window: number | undefined): KeptPane<K> {
    const place = { number: this.#places.take(), pane, window };
    this.#state.set(...placeEntry(place));
    return { place, names: new Map() };
  }

  #leave({ place, names }: KeptPane<K>): void {
    for (const name of names.values()) this.#state.delete(name);
    this.#state.delete(placeEntry(place)[0]);
    this.#places.free(place.number);
  }

  /** Says which panes have been released: without panes there is nothing to say. */
  #saveGiven(): void {
    if (this.#panes.size === 0 && this.#stragglers.size === 0) this.#state.delete(givenKey);
    else if (this.#given !== undefined && this.#state.get(givenKey) !== this.#given) {
      this.#state.set(givenKey, this.#given);
    }
  }

  #panesOf(window: number | undefined): Map<number, KeptPane<K>> {
    return window === undefined ? this.#panes : entryOf(this.#stragglers, window, () => new Map());
  }
}

/** Numbers from 0, of which the least that is free is taken. */
class FreeNumbers {
  readonly #used = new Set<number>();
  /** All below are used. */
  #least = 0;

  use(number: number): void {
    this.#used.add(number);
  }

  take(): number {
    while (this.#used.has(this.#least)) this.#least++;
    this.#used.add(this.#least);
    return this.#least;
  }

  free(number: number): void {
    this.#used.delete(number);
    this.#least = Math.min(this.#least, number);
  }
}

function touch<K, P>(all: Map<number, Touched<K, P>>, pane: number, key: K, partials: Partials<K, P>): void {
  const touched = all.get(pane);
  // After stragglers have entered, a pane has other partials than in the batch before.
  if (touched?.partials === partials) touched.keys.add(key);
  else all.set(pane, { partials, keys: new Set(touched?.keys).add(key) });
}
