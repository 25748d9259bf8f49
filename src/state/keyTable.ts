import type { Key } from '../batch/key.js';
import { KeyHash } from './keyHash.js';
import { PlaceIndex } from './placeIndex.js';

/** In the place of a key that was deleted. */
const tombstone = Symbol('deleted');
type Tombstone = typeof tombstone;

const chunkBits = 12;
/** The time it takes to compact one chunk is the longest pause of the table. */
const chunkEntries = 1 << chunkBits;
const offsetMask = chunkEntries - 1;
const minChunkEntries = 16;
/** How many keys are looked up together: few enough that what was read is still in the cache when it is used. */
const keysPerLookup = 1_024;

type Slots<K, S> = (K | S | Tombstone | undefined)[];

/** Entries in insertion order, with tombstones. */
class Chunk<K, S> {
  readonly id: number;
  /** Key, state, key, state: so both are in one cache line. */
  readonly slots: Slots<K, S>;
  readonly capacity: number;
  /** Places in use, tombstones included. */
  length = 0;
  live = 0;
  previous: Chunk<K, S> | undefined = undefined;
  next: Chunk<K, S> | undefined = undefined;
  /** Where its entries have moved, compacted, from offset `movedBy` on; iterators in progress still read this chunk. */
  movedTo: Chunk<K, S> | undefined = undefined;
  movedBy = 0;

  constructor(id: number, capacity: number) {
    this.id = id;
    this.capacity = capacity;
    // Filled, so that V8 does not start with an array of numbers.
    this.slots = new Array(2 * capacity).fill(undefined);
  }

  /** Counts the entries before an offset. */
  liveBefore(offset: number): number {
    let count = 0;
    for (let i = 0; i < offset; i++) if (this.slots[2 * i] !== tombstone) count++;
    return count;
  }
}

/** Iterates over the entries as they are at each step, like the iterator of a `Map`. */
class Entries<K, S> implements IterableIterator<[K, S]> {
  readonly #visited: (key: K, place: number) => void;
  #chunk: Chunk<K, S> | undefined;
  #offset = 0;

  constructor(first: Chunk<K, S>, visited: (key: K, place: number) => void) {
    this.#chunk = first;
    this.#visited = visited;
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
        if (key === tombstone) continue;
        this.#offset = offset + 1;
        this.#visited(key as K, (chunk.id << chunkBits) | offset);
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
 * A `Map` for millions of keys: the same keys are equal, in the same order, and entries may change during iteration. It has no
 * limit of 2^24 keys, no long pauses to grow or to compact, and takes less memory.
 *
 * Above all, keys can be looked up together. In a large table a lookup mostly waits for memory, because no key is in a cache; a
 * caller that knows the keys of a batch in advance passes them to `prepare`, and these waits overlap.
 */
export class KeyTable<K extends Key, S> implements Iterable<[K, S]> {
  readonly #hash: { of(key: Key): number };
  readonly #index = new PlaceIndex();
  #first: Chunk<K, S>;
  #last: Chunk<K, S>;
  /** By the id of the chunk. */
  readonly #slots: Slots<K, S>[] = [];
  readonly #chunks: (Chunk<K, S> | undefined)[] = [];
  readonly #freeIds: number[] = [];
  #size = 0;

  /** The key that was looked up or iterated last: it is likely to be set next. `#lastHash` is its hash if it was not found. */
  #lastKey: K | Tombstone = tombstone;
  #lastPlace = -1;
  #lastHash = 0;

  #prepared: readonly K[] = [];
  /** The index of the prepared key that is expected next, and how many have been looked up. */
  #next = 0;
  #ready = 0;
  readonly #hashes = new Int32Array(keysPerLookup);
  readonly #places = new Int32Array(keysPerLookup);
  #windowStart = 0;
  readonly #visited = (key: K, place: number): void => {
    this.#lastKey = key;
    this.#lastPlace = place;
  };

  constructor(entries?: Iterable<readonly [K, S]>, hash: { of(key: Key): number } = new KeyHash()) {
    this.#hash = hash;
    this.#first = this.#newChunk(minChunkEntries);
    this.#last = this.#first;
    if (entries) for (const [key, state] of entries) this.set(key, state);
  }

  get size(): number {
    return this.#size;
  }

  /** How many entries fit: in proportion to `size`, within a few thousand. */
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
    chunk.slots[at] = tombstone;
    chunk.slots[at + 1] = undefined;
    chunk.live--;
    this.#size--;
    this.#lastKey = tombstone;
    this.#compact(chunk);
    return true;
  }

  entries(): IterableIterator<[K, S]> {
    return new Entries(this.#first, this.#visited);
  }

  [Symbol.iterator](): IterableIterator<[K, S]> {
    return this.entries();
  }

  /** Announces which keys will be looked up next, in this order. It only makes the lookups faster. */
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
      if (place >= 0 && this.#keyAt(place) !== tombstone) {
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

  #keyAt(place: number): K | Tombstone {
    return (this.#slots[place >>> chunkBits] as Slots<K, S>)[2 * (place & offsetMask)] as K | Tombstone;
  }

  /**
   * Looks up the next of the prepared keys in stages: in each, no read waits for the one before. Returns how many states are objects,
   * which nobody needs, so that V8 does not optimize the reads away.
   */
  #lookUp(): number {
    const keys = this.#prepared;
    const hashes = this.#hashes;
    const places = this.#places;
    const index = this.#index;
    const start = this.#next;
    const length = Math.min(keys.length - start, keysPerLookup);
    for (let i = 0; i < length; i++) hashes[i] = this.#hash.of(keys[start + i] as K);
    for (let i = 0; i < length; i++) places[i] = index.first(hashes[i] as number);
    // Reading the type is enough to bring a key, or a state, into the cache.
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
    if (this.#last.length === this.#last.capacity) this.#grow();
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

  #grow(): void {
    const last = this.#last;
    // The only chunk: few keys take little memory.
    if (last.capacity < chunkEntries) {
      this.#rewrite(last, undefined);
      return;
    }
    const chunk = this.#newChunk(chunkEntries);
    chunk.previous = last;
    last.next = chunk;
    this.#last = chunk;
  }

  /**
   * After a deletion: an empty chunk is removed, and two neighbours that are half empty together become one. Each time one
   * chunk disappears, and a new one takes `chunkEntries` insertions: so the cost is in proportion to the insertions.
   */
  #compact(chunk: Chunk<K, S>): void {
    const { previous, next } = chunk;
    if (chunk.live === 0 && next) {
      this.#link(previous, next);
      this.#moved(chunk, next, 0);
      return;
    }
    if (next && 2 * (chunk.live + next.live) <= chunkEntries) this.#rewrite(chunk, next);
    else if (previous && 2 * (previous.live + chunk.live) <= chunkEntries) this.#rewrite(previous, chunk);
  }

  /** Moves the entries of a chunk, and of the following one, into a new chunk. */
  #rewrite(first: Chunk<K, S>, second: Chunk<K, S> | undefined): void {
    const alone = !second && !first.previous && !first.next;
    const into = this.#newChunk(
      alone ? Math.min(Math.max(2 * first.live, minChunkEntries), chunkEntries) : chunkEntries,
    );
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
      const key = chunk.slots[2 * offset] as K | Tombstone;
      if (key === tombstone) continue;
      const to = into.length++;
      into.slots[2 * to] = key;
      into.slots[2 * to + 1] = chunk.slots[2 * offset + 1];
      this.#index.replace(this.#hash.of(key), (chunk.id << chunkBits) | offset, (into.id << chunkBits) | to);
    }
    into.live += into.length - base;
    this.#moved(chunk, into, base);
  }

  /** The chunk no longer belongs to the table, and places looked up before are invalid; the caller updates the last one. */
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
