import { KeyedSlot } from './keyedSlot.js';

/**
 * The slot of a key in a `KeyedWindow` whose panes are filled before they enter it. It knows the places of its partials in the panes that
 * are still open, so that a record costs one look-up in a map, whichever pane it is of. What is of a pane that has entered the
 * window is passed over.
 */
export class OpenSlot<K, P> extends KeyedSlot<K, P> {
  /** The number of open panes that have a partial of the key. */
  open = 0;
  /** The two panes that came last, and the places in them; most keys are in no more at once. NaN, which equals no pane, for none. */
  #lastPane = Number.NaN;
  #lastPlace = 0;
  #otherPane = Number.NaN;
  #otherPlace = 0;
  /** The others: pane, place, pane, place, by rising panes. */
  #more: number[] | undefined = undefined;

  /** The place of its partial in a pane; -1 if it has none there. */
  placeIn(pane: number): number {
    if (this.#lastPane === pane) return this.#lastPlace;
    if (this.#otherPane === pane) return this.#otherPlace;
    const more = this.#more;
    if (more === undefined) return -1;
    const at = firstFrom(more, pane);
    return more[at] === pane ? (more[at + 1] as number) : -1;
  }

  /** It has a partial at this place of a pane, for the first time. Panes below `firstOpen` have entered the window. */
  put(pane: number, place: number, firstOpen: number): void {
    this.open++;
    if (this.#otherPane >= firstOpen && this.#lastPane >= firstOpen) this.#keep(firstOpen);
    if (this.#lastPane >= firstOpen) {
      this.#otherPane = this.#lastPane;
      this.#otherPlace = this.#lastPlace;
    }
    this.#lastPane = pane;
    this.#lastPlace = place;
  }

  /** A pane with a partial of it has entered the window. */
  entered(): void {
    this.open--;
    if (this.open === 0) this.#more = undefined;
  }

  #keep(firstOpen: number): void {
    const more = this.#more;
    if (more === undefined) {
      this.#more = [this.#otherPane, this.#otherPlace];
      return;
    }
    if ((more[0] as number) < firstOpen) more.splice(0, firstFrom(more, firstOpen));
    const at = firstFrom(more, this.#otherPane);
    if (at === more.length) more.push(this.#otherPane, this.#otherPlace);
    else more.splice(at, 0, this.#otherPane, this.#otherPlace);
  }
}

/** The index of the first pane from this one on. */
function firstFrom(more: readonly number[], pane: number): number {
  let [low, high] = [0, more.length >>> 1];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((more[2 * middle] as number) < pane) low = middle + 1;
    else high = middle;
  }
  return 2 * low;
}
