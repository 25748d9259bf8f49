import { IdPlaces } from '../collections/idPlaces.js';
import type { FilledPane } from '../windows/filledWindow.js';
import type { KeySlots } from './openKeys.js';

/**
 * The partials of an open pane, in the order in which keys came. They enter the sliding window as they are, or are the result of a
 * window: nothing is copied.
 */
export class FilledPartials<K, P> implements FilledPane<P> {
  /** The number of the pane. */
  readonly time: number;
  readonly ids: number[] = [];
  readonly partials: P[] = [];
  readonly #keys: KeySlots<K, P>;
  /** The place of each key, by the id of its slot. */
  readonly #places: IdPlaces;

  /** `expected`: how many keys it will have, about, of how many that have slots. */
  constructor(time: number, keys: KeySlots<K, P>, expected = 0) {
    this.time = time;
    this.#keys = keys;
    this.#places = new IdPlaces(expected, keys.size);
  }

  /** The place of the partial of a slot; -1 if it has none. */
  placeOf(id: number): number {
    return this.#places.get(id);
  }

  /** The first partial of a key. */
  put(id: number, partial: P): void {
    this.#keys.opened(id);
    this.#places.add(id, this.ids.length);
    this.ids.push(id);
    this.partials.push(partial);
  }

  get(key: K): P | undefined {
    const id = this.#keys.idOf(key);
    const place = id === undefined ? -1 : this.placeOf(id);
    return place < 0 ? undefined : this.partials[place];
  }

  *entries(): Iterable<readonly [K, P]> {
    for (let i = 0; i < this.ids.length; i++) yield [this.#keys.keyOf(this.ids[i] as number), this.partials[i] as P];
  }

  forEach(visit: (partial: P, key: K) => void): void {
    const { ids, partials } = this;
    for (let i = 0; i < ids.length; i++) visit(partials[i] as P, this.#keys.keyOf(ids[i] as number));
  }

  /** It does not enter the window as it is. */
  leave(): void {
    for (const id of this.ids) this.#keys.closed(id);
  }
}
