import type { FilledPane, KeyedWindow } from '../windows/keyedWindow.js';
import type { OpenSlot } from '../windows/openSlot.js';

/** The partials of an open pane, in the order in which keys came. They enter the sliding window as they are: nothing is copied. */
export class FilledPartials<K, P> implements FilledPane<K, P> {
  /** The number of the pane. */
  readonly time: number;
  readonly slots: OpenSlot<K, P>[] = [];
  readonly partials: P[] = [];
  readonly #window: Pick<KeyedWindow<K, P>, 'openSlot'>;

  constructor(time: number, window: Pick<KeyedWindow<K, P>, 'openSlot'>) {
    this.time = time;
    this.#window = window;
  }

  /** The first partial of a key. Panes below `firstOpen` have been released. */
  put(slot: OpenSlot<K, P>, partial: P, firstOpen: number): void {
    slot.put(this.time, this.slots.length, firstOpen);
    this.slots.push(slot);
    this.partials.push(partial);
  }

  get(key: K): P | undefined {
    const place = this.#window.openSlot(key)?.placeIn(this.time) ?? -1;
    return place < 0 ? undefined : this.partials[place];
  }

  *entries(): Iterable<readonly [K, P]> {
    for (let i = 0; i < this.slots.length; i++) yield [(this.slots[i] as OpenSlot<K, P>).key, this.partials[i] as P];
  }

  /** It does not enter the window as it is. */
  leave(): void {
    for (const slot of this.slots) slot.entered();
  }
}
