/**
 * A pane in a `FilledWindow`. It knows of which slots it is the first pane in the window, and in which pane each of its slots comes next: so
 * the slots of a window are visited in the order of their first panes, each once.
 *
 *     place          0   1   2   3
 *     pane 7         a   b   c            first: a b c        next of a: pane 8, place 1
 *     pane 8         b   a   d            first: d            next of d: none
 *     when pane 7 has left, pane 8 is the first of a, b and d
 */
export class EnteredPane<P> {
  readonly time: number;
  /** Rises by one from pane to pane, and wraps around like every 32-bit integer. */
  readonly serial: number;
  /** The ids of its slots, each with its partial. */
  readonly ids: readonly number[];
  readonly partials: readonly P[];
  /** For each place the serial number of the next pane with the slot, and its place there; anything where no pane has it. */
  readonly #next: Int32Array;
  /** A bit for each place: whether the pane is the first of its slot. */
  readonly #first: Int32Array;
  #places: Map<number, number> | undefined;

  constructor(time: number, serial: number, ids: readonly number[], partials: readonly P[]) {
    this.time = time;
    this.serial = serial;
    this.ids = ids;
    this.partials = partials;
    this.#next = new Int32Array(2 * ids.length);
    this.#first = new Int32Array((ids.length + 31) >>> 5);
  }

  /** It is the first pane of the slot at a place. */
  markFirst(place: number): void {
    const word = place >>> 5;
    this.#first[word] = (this.#first[word] as number) | (1 << (place & 31));
  }

  /** Visits the slots of which it is the first pane, by place. */
  forEachFirst(visit: (id: number) => void): void {
    const { ids } = this;
    const first = this.#first;
    for (let word = 0; word < first.length; word++) {
      for (let bits = first[word] as number; bits !== 0; bits &= bits - 1) {
        visit(ids[(word << 5) + 31 - Math.clz32(bits & -bits)] as number);
      }
    }
  }

  link(place: number, serial: number, next: number): void {
    this.#next[2 * place] = serial;
    this.#next[2 * place + 1] = next;
  }

  nextPane(place: number): number {
    return this.#next[2 * place] as number;
  }

  nextPlace(place: number): number {
    return this.#next[2 * place + 1] as number;
  }

  /** The place of a slot. The first call takes all slots. */
  placeOf(id: number): number | undefined {
    this.#places ??= new Map(this.ids.map((each, place) => [each, place]));
    return this.#places.get(id);
  }
}
