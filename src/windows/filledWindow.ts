import { Fifo } from '../collections/fifo.js';
import { EnteredPane } from './enteredPane.js';
import type { Pane } from './keyedWindow.js';
import { SlotColumns, type SlotOperation } from './slotColumns.js';

/** A pane that was filled before it enters the window: the ids of its slots (`idOf`, `add`), each with its partial. */
export interface FilledPane<P> {
  readonly time: number;
  readonly ids: readonly number[];
  readonly partials: readonly P[];
}

/** The partials of one pane by key. */
export interface PaneLookUp<K, P> {
  readonly time: number;
  get(key: K): P | undefined;
  keys(): Iterable<K>;
}

/**
 * A `KeyedWindow` whose panes are filled, several at a time, before they enter it. A key has one slot, whether panes in the window have it or
 * panes that are being filled: so a record costs one look-up of its key, and what enters and leaves the window costs none. What is
 * known of a slot is in columns by its id.
 *
 * The keys of the window are visited in the order of their first panes and, within a pane, of their places: the same after the window
 * was put together again from its panes.
 */
export class FilledWindow<K, P> {
  readonly #values: SlotColumns<P>;
  readonly #panes = new Fifo<EnteredPane<P>>();
  readonly #ids = new Map<K, number>();
  /** By id, as all of the following. */
  readonly #keys: K[] = [];
  /** The number of panes that are being filled and have a partial of the slot. */
  readonly #open: number[] = [];
  /** While panes in the window have the slot: the serial number of the newest one, and the place there. */
  readonly #newestPanes: number[] = [];
  readonly #newestPlaces: number[] = [];
  /** The serial number of the next pane. */
  #serial = 0;
  /** The slots whose last pane has left in this slide. */
  #emptied: number[] = [];

  constructor(operation: SlotOperation<P>) {
    this.#values = new SlotColumns(operation, (id) => this.#partialsOf(id));
  }

  /** The number of keys in the window and in panes that are being filled. */
  get size(): number {
    return this.#ids.size;
  }

  /** The id of a key; `undefined` if neither the window nor a pane that is being filled has it. */
  idOf(key: K): number | undefined {
    return this.#ids.get(key);
  }

  /** The id of a key that has none yet. */
  add(key: K, partial: P): number {
    const id = this.#values.add(partial);
    this.#ids.set(key, id);
    this.#keys[id] = key;
    this.#open[id] = 0;
    this.#newestPanes[id] = 0;
    this.#newestPlaces[id] = 0;
    return id;
  }

  keyOf(id: number): K {
    return this.#keys[id] as K;
  }

  /** A pane that is being filled has a partial of the slot. */
  opened(id: number): void {
    this.#open[id] = (this.#open[id] as number) + 1;
  }

  /** It has entered the window, or is filled no longer. */
  closed(id: number): void {
    this.#open[id] = (this.#open[id] as number) - 1;
  }

  /** Visits the keys in the window, each with its aggregate. */
  forEach(visit: (partial: P, key: K) => void): void {
    const values = this.#values;
    const keys = this.#keys;
    for (const pane of this.#panes) {
      pane.forEachFirst((id) => {
        visit(values.current(id), keys[id] as K);
      });
    }
  }

  /** The panes from this time on, oldest first. */
  panesFrom(time: number): readonly Pane<K, P>[] {
    return [...this.#panes]
      .filter((pane) => pane.time >= time)
      .map((pane) => ({
        time: pane.time,
        partials: pane.ids.map((id, i) => [this.keyOf(id), pane.partials[i] as P] as const),
      }));
  }

  /** The panes, oldest first, each with the partial of a key. The first look into a pane takes its keys. */
  lookUps(): readonly PaneLookUp<K, P>[] {
    return Array.from(this.#panes, (pane) => ({
      time: pane.time,
      get: (key) => {
        const id = this.#ids.get(key);
        const place = id === undefined ? undefined : pane.placeOf(id);
        return place === undefined ? undefined : pane.partials[place];
      },
      keys: () => pane.ids.map((id) => this.keyOf(id)),
    }));
  }

  /** Removes the panes with times up to and including `evicted`, then adds the new ones, oldest first. */
  slide(evicted: number, added: Iterable<Pane<K, P> | FilledPane<P>>): void {
    this.#evict(this.#panes.takeWhile(({ time }) => time <= evicted));
    for (const pane of added) {
      if ('ids' in pane) {
        for (const id of pane.ids) this.closed(id);
        this.#enter(pane);
      } else this.#enter(this.#filled(pane));
    }
    // Not before: a key that leaves and returns in one slide keeps its slot.
    for (const id of this.#emptied) if (this.#values.panes[id] === 0 && this.#open[id] === 0) this.#remove(id);
    this.#emptied = [];
  }

  #remove(id: number): void {
    // A slot that has become empty twice in a slide is removed once.
    this.#open[id] = -1;
    this.#ids.delete(this.#keys[id] as K);
    this.#values.remove(id);
  }

  #evict(leaving: readonly EnteredPane<P>[]): void {
    const oldest = this.#panes.first;
    if (oldest === undefined) {
      // Nothing stays, so nothing must be subtracted.
      for (const { ids } of leaving) for (const id of ids) this.#empty(id);
      return;
    }
    // The old values of a key are reduced first, so that the inverse is called once per key.
    const old = leaving.length > 1 ? new Map<number, P>() : undefined;
    const { panes } = this.#values;
    for (const pane of leaving) {
      const { ids, partials } = pane;
      for (let i = 0; i < ids.length; i++) {
        const id = ids[i] as number;
        this.#values.leave(id, partials[i] as P, old);
        if (panes[id] === 0) this.#emptied.push(id);
        else this.#paneOf(pane.nextPane(i), oldest)?.markFirst(pane.nextPlace(i));
      }
    }
    if (old) for (const [id, partial] of old) this.#values.settle(id, partial);
  }

  #empty(id: number): void {
    if (this.#values.panes[id] === 0) return;
    this.#values.panes[id] = 0;
    this.#emptied.push(id);
  }

  /** The pane of a serial number; `undefined` if it has left. Differences of 32-bit integers survive that these wrap around. */
  #paneOf(serial: number, oldest: EnteredPane<P>): EnteredPane<P> | undefined {
    return this.#panes.at((serial - oldest.serial) | 0);
  }

  #filled({ time, partials: pairs }: Pane<K, P>): FilledPane<P> {
    const ids: number[] = [];
    const partials: P[] = [];
    for (const [key, partial] of pairs) {
      ids.push(this.#ids.get(key) ?? this.add(key, partial));
      partials.push(partial);
    }
    return { time, ids, partials };
  }

  #enter({ time, ids, partials }: FilledPane<P>): void {
    const serial = this.#serial;
    this.#serial = (serial + 1) | 0;
    const pane = new EnteredPane(time, serial, ids, partials);
    this.#panes.push(pane);
    const oldest = this.#panes.first ?? pane;
    const values = this.#values;
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] as number;
      if ((values.panes[id] as number) > 0) {
        this.#paneOf(this.#newestPanes[id] as number, oldest)?.link(this.#newestPlaces[id] as number, serial, i);
        values.enter(id, partials[i] as P);
      } else {
        pane.markFirst(i);
        values.begin(id, partials[i] as P);
      }
      this.#newestPanes[id] = serial;
      this.#newestPlaces[id] = i;
    }
  }

  *#partialsOf(id: number): Iterable<P> {
    for (const pane of this.#panes) {
      const place = pane.placeOf(id);
      if (place !== undefined) yield pane.partials[place] as P;
    }
  }
}
