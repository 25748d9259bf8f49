import { Fifo } from '../collections/fifo.js';
import { EnteredPane } from './enteredPane.js';
import type { Pane } from './keyedWindow.js';
import { SlotColumns, type SlotOperation } from './slotColumns.js';
import { newestPaneOf, newestPlaceOf, openOf, panesOf, SlotPlaces, slotNumbers } from './slotPlaces.js';

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
  /** By id. */
  readonly #keys: K[] = [];
  readonly #places = new SlotPlaces();
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
    this.#places.add(id);
    return id;
  }

  keyOf(id: number): K {
    return this.#keys[id] as K;
  }

  /** A pane that is being filled has a partial of the slot. */
  opened(id: number): void {
    this.#countOpen(id, 1);
  }

  /** It has entered the window, or is filled no longer. */
  closed(id: number): void {
    this.#countOpen(id, -1);
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
      if ('ids' in pane) this.#enter(pane, 1);
      else this.#enter(this.#filled(pane), 0);
    }
    const { numbers } = this.#places;
    for (const id of this.#emptied) {
      const at = slotNumbers * id;
      // Not before: a key that leaves and returns in one slide keeps its slot.
      if (numbers[at + panesOf] === 0 && numbers[at + openOf] === 0) this.#remove(id);
    }
    this.#emptied = [];
  }

  #countOpen(id: number, by: number): void {
    const { numbers } = this.#places;
    const at = slotNumbers * id + openOf;
    numbers[at] = (numbers[at] as number) + by;
  }

  #remove(id: number): void {
    // A slot that has become empty twice in a slide is removed once.
    this.#places.numbers[slotNumbers * id + openOf] = -1;
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
    const { numbers } = this.#places;
    const values = this.#values;
    for (const pane of leaving) {
      const { ids, partials } = pane;
      for (let i = 0; i < ids.length; i++) {
        const id = ids[i] as number;
        const at = slotNumbers * id + panesOf;
        const panes = (numbers[at] as number) - 1;
        numbers[at] = panes;
        values.leave(id, partials[i] as P, panes, old);
        if (panes === 0) this.#emptied.push(id);
        else this.#paneOf(pane.nextPane(i), oldest)?.markFirst(pane.nextPlace(i));
      }
    }
    if (old) for (const [id, partial] of old) values.settle(id, partial, numbers[slotNumbers * id + panesOf] as number);
  }

  #empty(id: number): void {
    const { numbers } = this.#places;
    const at = slotNumbers * id + panesOf;
    if (numbers[at] === 0) return;
    numbers[at] = 0;
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

  /** `opened`: how many of the panes that were being filled it is. */
  #enter({ time, ids, partials }: FilledPane<P>, opened: 0 | 1): void {
    const serial = this.#serial;
    this.#serial = (serial + 1) | 0;
    const pane = new EnteredPane(time, serial, ids, partials);
    this.#panes.push(pane);
    const oldest = this.#panes.first ?? pane;
    const values = this.#values;
    const { numbers } = this.#places;
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] as number;
      const at = slotNumbers * id;
      const panes = numbers[at + panesOf] as number;
      numbers[at + panesOf] = panes + 1;
      numbers[at + openOf] = (numbers[at + openOf] as number) - opened;
      if (panes > 0) {
        const newest = this.#paneOf(numbers[at + newestPaneOf] as number, oldest);
        newest?.link(numbers[at + newestPlaceOf] as number, serial, i);
        values.enter(id, partials[i] as P);
      } else {
        pane.markFirst(i);
        values.begin(id, partials[i] as P);
      }
      numbers[at + newestPaneOf] = serial;
      numbers[at + newestPlaceOf] = i;
    }
  }

  *#partialsOf(id: number): Iterable<P> {
    for (const pane of this.#panes) {
      const place = pane.placeOf(id);
      if (place !== undefined) yield pane.partials[place] as P;
    }
  }
}
