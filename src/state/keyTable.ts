import type { Key } from '../batch/key.js';
import { KeyHash } from './keyHash.js';
import { PlaceIndex } from './placeIndex.js';

/** In the place of a key that was deleted. */
const gone = Symbol('gone');
type Gone = typeof gone;

const chunkBits = 12;
/** Entries of a chunk: what closing up the gaps of one takes is the longest pause there is. */
const chunkSize = 1 << chunkBits;
const offsetMask = chunkSize - 1;
const fewest = 16;
/** So many keys are looked up together: few enough that what was read is still in the cache when it is asked for. */
const together = 1_024;

type Slots<K, S> = (K | S | Gone | undefined)[];

/** Entries in the order of their coming, with gaps. */
class Chunk<K, S> {
  readonly id: number;
  /** Key, state, key, state: both are in one line of the cache. */
  readonly slots: Slots<K, S>;
  readonly capacity: number;
  /** Places in use, gaps too. */
  length = 0;
  live = 0;
  previous: Chunk<K, S> | undefined = undefined;
  next: Chunk<K, S> | undefined = undefined;
  /** Where its entries are now, without gaps, from this offset on; it then stays as it was for those that are reading it. */
  movedTo: Chunk<K, S> | undefined = undefined;
  movedBy = 0;

  constructor(id: number, capacity: number) {
    this.id = id;
    this.capacity = capacity;
    // Filled, so that V8 does not begin with a list of numbers.
    this.slots = new Array(2 * capacity).fill(undefined);
  }

  /** How many entries there are before an offset. */
  liveBefore(offset: number): number {
    let count = 0;
    for (let i = 0; i < offset; i++) if (this.slots[2 * i] !== gone) count++;
    return count;
  }
}

/** Goes through the entries as they are at each step, as a `Map`'s iterator does. */
class Entries<K, S> implements IterableIterator<[K, S]> {
  readonly #given: (key: K, place: number) => void;
  #chunk: Chunk<K, S> | undefined;
  #offset = 0;

  constructor(first: Chunk<K, S>, given: (key: K, place: number) => void) {
    this.#chunk = first;
    this.#given = given;
  }

  next(): IteratorResult<[K, S], undefined> {
    let chunk = this.#chunk;
    while (chunk) {
      while (chunk.movedTo) {
        this.#offset = chunk.movedBy + chunk.liveBefore(this.#offset);
        chunk = chunk.movedTo as Chunk<K, S>;
        this.#chunk = chunk;
      }
      const { slots, length } = chunk;
      for (let offset = this.#offset; offset < length; offset++) {
        const key = slots[2 * offset];
        if (key === gone) continue;
        this.#offset = offset + 1;
        this.#given(key as K, (chunk.id << chunkBits) | offset);
        return { done: false, value: [key as K, slots[2 * offset + 1] as S] };
      }
      chunk = chunk.next;
      this.#chunk = chunk;
      this.#offset = 0;
    }
    return { done: true, value: undefined };
  }

  [Symbol.iterator](): this {
    return this;
  }
}

/**
 * A `Map` for millions of keys: the same keys are equal, in the same order, and entries may change while they are gone through.
 * It has no limit of 2^24 keys, no long pauses to grow or to close up gaps, and takes less memory.
 *
 * Above all, keys can be looked up together: in a large table each is in no cache, and to wait for memory is what a look
 * costs. Whoever knows the keys of a batch beforehand says so by `prepare`, and they are waited for at the same time.
 */
export class KeyTable<K extends Key, S> implements Iterable<[K, S]> {
  readonly #hash: { of(key: Key): number };
  readonly #index = new PlaceIndex();
  #first: Chunk<K, S>;
  #last: Chunk<K, S>;
  /** By the number of the chunk. */
  readonly #slots: Slots<K, S>[] = [];
  readonly #chunks: (Chunk<K, S> | undefined)[] = [];
  readonly #freeIds: number[] = [];
  #size = 0;

  /** The key that was looked up or given out last: it is likely to be set next. The hash is its own where it was not found. */
  #lastKey: K | Gone = gone;
  #lastPlace = -1;
  #lastHash = 0;

  #prepared: readonly K[] = [];
  /** The next of them that will be asked for, and how far they have been looked up. */
  #next = 0;
  #ready = 0;
  readonly #hashes = new Int32Array(together);
  readonly #places = new Int32Array(together);
  #windowStart = 0;
  readonly #given = (key: K, place: number): void => {
    this.#lastKey = key;
    this.#lastPlace = place;
  };

  constructor(entries?: Iterable<readonly [K, S]>, hash: { of(key: Key): number } = new KeyHash()) {
    this.#hash = hash;
    this.#first = this.#newChunk(fewest);
    this.#last = this.#first;
    if (entries) for (const [key, state] of entries) this.set(key, state);
  }

  get size(): number {
    return this.#size;
  }

  /** For how many entries there is room: in proportion to `size`, a few thousand apart. */
  get capacity(): number {
    let capacity = 0;
    for (let chunk: Chunk<K, S> | undefined = this.#first; chunk; chunk = chunk.next) capacity += chunk.capacity;
    return capacity;
  }

  get(key: K): S | undefined {
    const place = this.#placeOf(key);
    if (place < 0) return undefined;
    return (this.#slots[place >>> chunkBits] as Slots<K, S>)[2 * (place & offsetMask) + 1] as S;
  }

  has(key: K): boolean {
    return this.#placeOf(key) >= 0;
  }

  set(key: K, state: S): void {
    const place = key === this.#lastKey ? this.#lastPlace : this.#placeOf(key);
    if (place >= 0) (this.#slots[place >>> chunkBits] as Slots<K, S>)[2 * (place & offsetMask) + 1] = state;
    else this.#insert(key, state, this.#lastHash);
  }

  delete(key: K): boolean {
    const place = key === this.#lastKey ? this.#lastPlace : this.#placeOf(key);
    if (place < 0) return false;
    this.#index.remove(this.#hash.of(key), place);
    const chunk = this.#chunks[place >>> chunkBits] as Chunk<K, S>;
    const at = 2 * (place & offsetMask);
    chunk.slots[at] = gone;
    chunk.slots[at + 1] = undefined;
    chunk.live--;
    this.#size--;
    this.#lastKey = gone;
    this.#closeUp(chunk);
    return true;
  }

  entries(): IterableIterator<[K, S]> {
    return new Entries(this.#first, this.#given);
  }

  [Symbol.iterator](): IterableIterator<[K, S]> {
    return this.entries();
  }

  /** Says which keys will be asked for next, in this order. It changes nothing but how long that takes. */
  prepare(keys: readonly K[]): void {
    this.#prepared = keys;
    this.#next = 0;
    this.#ready = 0;
  }

  #placeOf(key: K): number {
    const next = this.#next;
    if (next < this.#prepared.length && this.#prepared[next] === key) {
      if (next >= this.#ready) this.#lookUp();
      this.#next = next + 1;
      const i = next - this.#windowStart;
      const place = this.#places[i] as number;
      if (place >= 0 && this.#keyAt(place) !== gone) {
        this.#lastKey = key;
        this.#lastPlace = place;
        return place;
      }
      return this.#find(key, this.#hashes[i] as number);
    }
    if (key === this.#lastKey) return this.#lastPlace;
    return this.#find(key, this.#hash.of(key));
  }

  #find(key: K, hash: number): number {
    let place = this.#index.first(hash);
    while (place >= 0 && !isSame(this.#keyAt(place), key)) place = this.#index.next(hash);
    this.#lastKey = key;
    this.#lastPlace = place;
    this.#lastHash = hash;
    return place;
  }

  #keyAt(place: number): K | Gone {
    return (this.#slots[place >>> chunkBits] as Slots<K, S>)[2 * (place & offsetMask)] as K | Gone;
  }

  /**
   * Looks up the next of the prepared keys in stages: in each, no read waits for the one before. Gives how many states are objects,
   * which nobody needs, lest V8 leave out what is asked for nothing else.
   */
  #lookUp(): number {
    const keys = this.#prepared;
    const hashes = this.#hashes;
    const places = this.#places;
    const index = this.#index;
    const start = this.#next;
    const length = Math.min(keys.length - start, together);
    for (let i = 0; i < length; i++) hashes[i] = this.#hash.of(keys[start + i] as K);
    for (let i = 0; i < length; i++) places[i] = index.first(hashes[i] as number);
    // To ask for its type is enough to read a key, or a state, into the cache.
    for (let i = 0; i < length; i++) {
      const place = places[i] as number;
      const key = keys[start + i] as K;
      if (place >= 0 && typeof this.#keyAt(place) !== typeof key) places[i] = this.#find(key, hashes[i] as number);
    }
    let objects = 0;
    for (let i = 0; i < length; i++) {
      const place = places[i] as number;
      if (place < 0) continue;
      const slots = this.#slots[place >>> chunkBits] as Slots<K, S>;
      const at = 2 * (place & offsetMask);
      if (typeof slots[at + 1] === 'object') objects++;
      const key = keys[start + i] as K;
      if (slots[at] !== key) places[i] = this.#find(key, hashes[i] as number);
    }
    this.#windowStart = start;
    this.#ready = start + length;
    return objects;
  }

  #insert(key: K, state: S, hash: number): void {
    if (this.#last.length === this.#last.capacity) this.#addRoom();
    const chunk = this.#last;
    const offset = chunk.length++;
    const place = (chunk.id << chunkBits) | offset;
    // As in a `Map`, -0 is 0.
    chunk.slots[2 * offset] = key === 0 ? (0 as K) : key;
    chunk.slots[2 * offset + 1] = state;
    chunk.live++;
    this.#size++;
    this.#index.add(hash, place);
    this.#lastKey = key;
    this.#lastPlace = place;
  }

  #addRoom(): void {
    const last = this.#last;
    // The only one: few keys take little room.
    if (last.capacity < chunkSize) {
      this.#rewrite(last, undefined);
      return;
    }
    const chunk = this.#newChunk(chunkSize);
    chunk.previous = last;
    last.next = chunk;
    this.#last = chunk;
  }

  /**
   * After a deletion: a chunk that is empty goes, and two that are half empty together become one. Each time there is a chunk
   * less, and a new one comes with `chunkSize` new entries only: so what this costs is in proportion to what was added.
   */
  #closeUp(chunk: Chunk<K, S>): void {
    const { previous, next } = chunk;
    if (chunk.live === 0 && next) {
      this.#link(previous, next);
      this.#moved(chunk, next, 0);
      return;
    }
    if (next && 2 * (chunk.live + next.live) <= chunkSize) this.#rewrite(chunk, next);
    else if (previous && 2 * (previous.live + chunk.live) <= chunkSize) this.#rewrite(previous, chunk);
  }

  /** Puts the entries of a chunk, and of the one behind it, into a new one. */
  #rewrite(first: Chunk<K, S>, second: Chunk<K, S> | undefined): void {
    const alone = !second && !first.previous && !first.next;
    const into = this.#newChunk(alone ? Math.min(Math.max(2 * first.live, fewest), chunkSize) : chunkSize);
    const before = first.previous;
    const after = (second ?? first).next;
    this.#move(first, into);
    if (second) this.#move(second, into);
    this.#link(before, into);
    this.#link(into, after);
  }

  #move(chunk: Chunk<K, S>, into: Chunk<K, S>): void {
    const base = into.length;
    for (let offset = 0; offset < chunk.length; offset++) {
      const key = chunk.slots[2 * offset] as K | Gone;
      if (key === gone) continue;
      const to = into.length++;
      into.slots[2 * to] = key;
      into.slots[2 * to + 1] = chunk.slots[2 * offset + 1];
      this.#index.replace(this.#hash.of(key), (chunk.id << chunkBits) | offset, (into.id << chunkBits) | to);
    }
    into.live += into.length - base;
    this.#moved(chunk, into, base);
  }

  /** The chunk is none of the table any more. Places that were looked up are not right any more; the last one its caller changes. */
  #moved(chunk: Chunk<K, S>, to: Chunk<K, S>, by: number): void {
    chunk.movedTo = to;
    chunk.movedBy = by;
    this.#chunks[chunk.id] = undefined;
    this.#slots[chunk.id] = [];
    this.#freeIds.push(chunk.id);
    this.#ready = this.#next;
  }

  #link(before: Chunk<K, S> | undefined, after: Chunk<K, S> | undefined): void {
    if (before) before.next = after;
    else this.#first = after as Chunk<K, S>;
    if (after) after.previous = before;
    else this.#last = before as Chunk<K, S>;
  }

  #newChunk(capacity: number): Chunk<K, S> {
    const id = this.#freeIds.pop() ?? this.#chunks.length;
    const chunk = new Chunk<K, S>(id, capacity);
    this.#chunks[id] = chunk;
    this.#slots[id] = chunk.slots;
    return chunk;
  }
}

/** Equal as in a `Map`: like `===`, and `NaN` is `NaN`. */
function isSame(a: unknown, b: unknown): boolean {
  return a === b || (Number.isNaN(a) && Number.isNaN(b));
}
