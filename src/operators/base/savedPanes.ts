import type { Key } from '../../batch/key.js';
import type { KeyedState } from '../../batch/keyedState.js';
import { entryOf } from '../../collections/entryOf.js';
import type { PaneChanges, Partials, RestoredPanes } from '../../eventtime/eventPanes.js';

/** The key of the last window that was given. */
const givenKey = 'given';

/** What a batch has changed in a pane. */
interface Touched<K, P> {
  readonly partials: Partials<K, P>;
  readonly keys: Set<K>;
}

/**
 * Keeps the panes of event-time windows in the state of an operator: one entry for each key of a pane, so that a batch saves what it
 * has touched.
 */
export class SavedPanes<K extends Key, P> implements PaneChanges<K, P> {
  readonly #state: KeyedState<string, P | number>;
  /** The names of the entries in the state: by pane, and by window and pane for stragglers. */
  readonly #panes = new Map<number, Map<K, string>>();
  readonly #stragglers = new Map<number, Map<number, Map<K, string>>>();
  readonly #touchedPanes = new Map<number, Touched<K, P>>();
  readonly #touchedStragglers = new Map<number, Map<number, Touched<K, P>>>();
  #given: number | undefined;
  #firstPane = -Infinity;

  constructor(state: KeyedState<string, P | number>) {
    this.#state = state;
  }

  restored(): RestoredPanes<K, P> {
    const panes = new Map<number, Map<K, P>>();
    const stragglers = new Map<number, Map<number, Map<K, P>>>();
    for (const [name, saved] of this.#state.entries()) {
      if (name === givenKey) {
        this.#given = saved as number;
        continue;
      }
      const { pane, window, key } = parsed<K>(name);
      const partials = window === undefined ? panes : entryOf(stragglers, window, () => new Map());
      entryOf(partials, pane, () => new Map()).set(key, saved as P);
      this.#namesOf(pane, window).set(key, name);
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
    for (const [pane, names] of this.#panes) {
      if (pane >= this.#firstPane) continue;
      this.#panes.delete(pane);
      this.#delete(names);
    }
    for (const [window, panes] of this.#stragglers) {
      if (window > given) continue;
      this.#stragglers.delete(window);
      for (const names of panes.values()) this.#delete(names);
    }
    this.#saveGiven();
  }

  #set(pane: number, window: number | undefined, partials: Partials<K, P>, keys: ReadonlySet<K>): void {
    const names = this.#namesOf(pane, window);
    for (const key of keys) {
      const name = entryOf(names, key, () => nameOf(pane, window, key));
      this.#state.set(name, partials.get(key) as P);
    }
  }

  #delete(names: ReadonlyMap<K, string>): void {
    for (const name of names.values()) this.#state.delete(name);
  }

  /** Says which panes have been released: without panes there is nothing to say. */
  #saveGiven(): void {
    if (this.#panes.size === 0 && this.#stragglers.size === 0) this.#state.delete(givenKey);
    else if (this.#given !== undefined && this.#state.get(givenKey) !== this.#given) {
      this.#state.set(givenKey, this.#given);
    }
  }

  #namesOf(pane: number, window: number | undefined): Map<K, string> {
    const panes = window === undefined ? this.#panes : entryOf(this.#stragglers, window, () => new Map());
    return entryOf(panes, pane, () => new Map());
  }
}

function touch<K, P>(all: Map<number, Touched<K, P>>, pane: number, key: K, partials: Partials<K, P>): void {
  const touched = all.get(pane);
  // After stragglers have entered, a pane has other partials than in the batch before.
  if (touched?.partials === partials) touched.keys.add(key);
  else all.set(pane, { partials, keys: new Set(touched?.keys).add(key) });
}

/** `pane:key`, or `pane@window:key` for stragglers; the key with its type, because 1 and '1' are two keys. */
function nameOf(pane: number, window: number | undefined, key: Key): string {
  const place = window === undefined ? `${pane}` : `${pane}@${window}`;
  return `${place}:${typeof key === 'string' ? 's' : typeof key}:${String(key)}`;
}

/** The key of an entry in the state; `undefined` for the entry that is of no key. */
export function savedKeyOf(name: string): Key | undefined {
  return parsedEntry<Key>(name)?.key;
}

/** What an entry in the state is of; `undefined` for the last window that was given. `window`: the first that counts stragglers. */
export function parsedEntry<K extends Key>(name: string): PaneEntry<K> | undefined {
  return name === givenKey ? undefined : parsed<K>(name);
}

interface PaneEntry<K> {
  readonly pane: number;
  readonly window: number | undefined;
  readonly key: K;
}

function parsed<K extends Key>(name: string): PaneEntry<K> {
  const [place = '', type] = name.split(':', 2);
  const text = name.slice(place.length + (type ?? '').length + 2);
  const [pane, window] = place.split('@').map(Number);
  return { pane: pane as number, window, key: keyOf(type, text) as K };
}

function keyOf(type: string | undefined, text: string): Key {
  switch (type) {
    case 'number':
      return Number(text);
    case 'bigint':
      return BigInt(text);
    case 'boolean':
      return text === 'true';
    case 'object':
      return null;
    default:
      return text;
  }
}
