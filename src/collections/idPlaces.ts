const leastBits = 4;
/** With more ids for each place a list by id would take more memory than pairs. */
const mostIdsPerPlace = 4;

/**
 * Maps ids to places, so that finding one reads one line of memory: a list by id where most ids have a place, or else open addressing with id
 * and place side by side. Ids and places are integers from 0, ids are as small as they can be. Nothing is ever removed.
 */
export class IdPlaces {
  /** By id the place plus one; 0 where an id has no place. `undefined`: pairs are used. */
  #byId: Int32Array | undefined;
  /** Pairs of an id, plus one so that 0 marks a free pair, and a place. */
  #pairs: Int32Array;
  /** The number of pairs, as a power of two. */
  #bits = leastBits;
  #size = 0;
  readonly #expected: number;

  /** `expected`: how many ids will have a place, about, of how many. */
  constructor(expected = 0, ids = 0) {
    this.#expected = expected;
    const isDense = expected > 0 && ids <= mostIdsPerPlace * expected;
    this.#byId = isDense ? new Int32Array(ids + (ids >>> 3)) : undefined;
    if (!isDense) this.#bits = Math.max(leastBits, 33 - Math.clz32(Math.ceil(expected * 0.75)));
    this.#pairs = isDense ? none : new Int32Array(2 << this.#bits);
  }

  get size(): number {
    return this.#size;
  }

  /** The place of an id; -1 if it has none. */
  get(id: number): number {
    const byId = this.#byId;
    if (byId !== undefined) return id < byId.length ? (byId[id] as number) - 1 : -1;
    const pairs = this.#pairs;
    const mask = pairs.length - 1;
    for (let at = 2 * this.#home(id); ; at = (at + 2) & mask) {
      const found = pairs[at] as number;
      if (found === id + 1) return pairs[at + 1] as number;
      if (found === 0) return -1;
    }
  }

  /** The id must have no place yet. */
  add(id: number, place: number): void {
    this.#size++;
    // At two thirds a search still ends after two pairs, most often.
    if (this.#byId === undefined && 3 * this.#size > 2 << this.#bits) this.#grow();
    if (this.#byId !== undefined && id >= this.#byId.length) this.#extend(this.#byId, id);
    if (this.#byId !== undefined) this.#byId[id] = place + 1;
    else this.#put(id, place);
  }

  /** There are more ids than there were: they may be too many for the places that they have. */
  #extend(byId: Int32Array, id: number): void {
    const length = Math.max(id + 1, byId.length + (byId.length >>> 1));
    if (length <= mostIdsPerPlace * Math.max(this.#size, this.#expected)) {
      this.#byId = new Int32Array(length);
      this.#byId.set(byId);
      return;
    }
    this.#byId = undefined;
    this.#bits = Math.max(leastBits, 33 - Math.clz32(this.#size));
    this.#pairs = new Int32Array(2 << this.#bits);
    for (let each = 0; each < byId.length; each++) {
      const place = byId[each] as number;
      if (place !== 0) this.#put(each, place - 1);
    }
  }

  #put(id: number, place: number): void {
    const pairs = this.#pairs;
    const mask = pairs.length - 1;
    let at = 2 * this.#home(id);
    while (pairs[at] !== 0) at = (at + 2) & mask;
    pairs[at] = id + 1;
    pairs[at + 1] = place;
  }

  /** More pairs or, if most ids have turned out to have a place, a list by id. */
  #grow(): void {
    const before = this.#pairs;
    let ids = 0;
    for (let at = 0; at < before.length; at += 2) ids = Math.max(ids, before[at] as number);
    // By half, so that a few ids more do not turn it back.
    const isDense = 2 * ids <= mostIdsPerPlace * this.#size;
    this.#byId = isDense ? new Int32Array(ids + (ids >>> 3)) : undefined;
    this.#bits++;
    this.#pairs = isDense ? none : new Int32Array(2 << this.#bits);
    for (let at = 0; at < before.length; at += 2) {
      const [id, place] = [before[at] as number, before[at + 1] as number];
      if (id === 0) continue;
      if (this.#byId) this.#byId[id - 1] = place + 1;
      else this.#put(id - 1, place);
    }
  }

  /** Ids in a row come to lie in a row; those at equal distances, wherever they wrap around, do not come to lie upon each other. */
  #home(id: number): number {
    const bits = this.#bits;
    const wrapped = Math.imul(id >>> bits, 0x9e3779b1) >>> (32 - bits);
    return (id + wrapped) & ((1 << bits) - 1);
  }
}

const none = new Int32Array(0);
