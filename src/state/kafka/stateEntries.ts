import type { Key } from '../../batch/key.js';
import { keyFromBytes, keyToBytes } from '../../storage/keyBytes.js';
import { LoopSlices } from '../../storage/loopSlices.js';
import { StateReader, stateFromBytes } from '../../storage/stateBytes.js';
import { KeyTable } from '../keyTable.js';
import { ByteArena } from './byteArena.js';
import { placesByNumber } from './placesByNumber.js';
import { minUnreadBytes, UnreadState, UnreadStates } from './unreadStates.js';

/** Keys that are looked up together: in a large table that takes less time than one by one. And states that are parsed together. */
const atOnce = 256;
const noBytes = Buffer.alloc(0);
/** In the place of the number of an entry that was deleted. */
const deleted = -1;

/** An entry as it is written. */
export interface WrittenEntry {
  readonly key: Buffer;
  /** Keeps its place among the others. */
  readonly number: number;
  readonly state: Buffer;
}

/** The entries of a state, to be used. */
export interface DecodedEntries {
  /** Oldest first. */
  readonly states: KeyTable<Key, unknown>;
  /** The number of each: only the first batch that is saved needs them, and they come while it is read. Never fails. */
  readonly numbers: Promise<KeyTable<Key, number>>;
  /** The greatest number. */
  readonly last: number;
  /** The bytes of keys that cannot be read, as text. */
  readonly unreadable: readonly string[];
  /** Why one cannot be read, if that is so: the state can still be dropped. */
  readonly failure: Error | undefined;
}

/** What is known of entries, by their places: an object for each of millions would take most of the time, and of the memory. */
class Columns {
  readonly keys: Key[] = [];
  numbers = new Float64Array(atOnce);
  /** Where the bytes of their states are, how many, and how many would have room. */
  at = new Float64Array(atOnce);
  lengths = new Uint32Array(atOnce);
  rooms = new Uint32Array(atOnce);

  /** Adds one without a state. */
  add(key: Key): number {
    const place = this.keys.push(key) - 1;
    if (place === this.numbers.length) this.#grow();
    this.rooms[place] = 0;
    return place;
  }

  #grow(): void {
    const longer = <A extends Float64Array | Uint32Array>(column: A, grown: A): A => {
      grown.set(column);
      return grown;
    };
    const length = 2 * this.numbers.length;
    this.numbers = longer(this.numbers, new Float64Array(length));
    this.at = longer(this.at, new Float64Array(length));
    this.lengths = longer(this.lengths, new Uint32Array(length));
    this.rooms = longer(this.rooms, new Uint32Array(length));
  }
}

/** The newest entries of a state while they are read: bytes until nothing more is. */
export class StateEntries {
  /** Those of a copy, which nobody looks up. */
  readonly #copied = new Columns();
  /** Those that were set, or deleted from a copy. */
  #entries = new Columns();
  #places: KeyTable<Key, number> | undefined = new KeyTable<Key, number>();
  readonly #states = new ByteArena();
  /** The bytes of the longest state that was ever there. */
  #longest = 0;
  /** Places of the columns that are not used any more. */
  readonly #free: number[] = [];
  /** What is to be done with the entries, in order. */
  readonly #changes = new Columns();
  readonly #changedStates = new ByteArena();
  /** Begins when nothing more is read. */
  readonly #merging = this.#merge();
  /** Those whose keys cannot be read, by the bytes as text. */
  readonly #unreadable = new Map<string, Omit<WrittenEntry, 'key'>>();

  get size(): number {
    this.#mergeNow();
    const { keys, numbers } = this.#entries;
    return this.#unreadable.size + numbers.subarray(0, keys.length).filter((number) => number !== deleted).length;
  }

  /**
   * Adds the entry of a copy, where each key comes once, before any is set or deleted. Its key has the bytes from `keyStart` until `keyEnd`; all
   * bytes may be overwritten afterwards.
   */
  add(
    keys: Buffer,
    keyStart: number,
    keyEnd: number,
    number: number,
    states: Buffer,
    start: number,
    end: number,
  ): void {
    const key = keyAt(keys, keyStart, keyEnd);
    if (key === undefined)
      this.#setUnreadable(keys.toString('latin1', keyStart, keyEnd), number, states.subarray(start, end));
    else {
      const copied = this.#copied;
      const place = copied.add(key);
      copied.numbers[place] = number;
      copied.at[place] = this.#states.add(states, start, end);
      copied.lengths[place] = end - start;
      this.#longest = Math.max(this.#longest, end - start);
    }
  }

  /** Sets the state of the key whose bytes begin at `keyStart`; all bytes may be overwritten afterwards. */
  set(bytes: Buffer, keyStart: number, number: number, states: Buffer, start: number): void {
    const key = keyAt(bytes, keyStart, bytes.length);
    if (key === undefined) this.#setUnreadable(bytes.toString('latin1', keyStart), number, states.subarray(start));
    else this.#change(key, number, states, start);
  }

  delete(bytes: Buffer, keyStart: number): void {
    const key = keyAt(bytes, keyStart, bytes.length);
    if (key === undefined) this.#unreadable.delete(bytes.toString('latin1', keyStart));
    else this.#change(key, deleted, noBytes, 0);
  }

  #setUnreadable(key: string, number: number, state: Buffer): void {
    this.#unreadable.set(key, { number, state: Buffer.from(state) });
  }

  #change(key: Key, number: number, states: Buffer, start: number): void {
    const changes = this.#changes;
    const change = changes.add(key);
    changes.numbers[change] = number;
    changes.at[change] = this.#changedStates.add(states, start, states.length);
    changes.lengths[change] = states.length - start;
    if (change + 1 === atOnce) this.#apply();
  }

  #apply(): void {
    const { keys, numbers } = this.#changes;
    const places = this.#places;
    if (keys.length === 0 || !places) return;
    const keepsDeleted = this.#copied.keys.length > 0;
    places.prepare(keys);
    for (let change = 0; change < keys.length; change++) {
      const key = keys[change] as Key;
      const place = places.get(key);
      if (numbers[change] !== deleted || keepsDeleted) this.#put(places, change, place);
      else if (place !== undefined) {
        places.delete(key);
        this.#entries.numbers[place] = deleted;
        this.#free.push(place);
      }
    }
    places.prepare([]);
    keys.length = 0;
    this.#changedStates.clear();
  }

  #put(places: KeyTable<Key, number>, change: number, known: number | undefined): void {
    const [changes, entries] = [this.#changes, this.#entries];
    const key = changes.keys[change] as Key;
    let place = known;
    if (place === undefined) {
      place = this.#free.pop() ?? entries.add(key);
      entries.keys[place] = key;
      places.set(key, place);
    }
    const from = changes.at[change] as number;
    const length = changes.lengths[change] as number;
    const states = this.#changedStates.blockOf(from);
    const start = this.#changedStates.startOf(from);
    const room = entries.rooms[place] as number;
    if (length <= room && room > 0) this.#states.set(entries.at[place] as number, states, start, start + length);
    else {
      // One that grows gets room to grow on, so that what it leaves behind is not more than what is there.
      entries.rooms[place] = room === 0 ? length : 2 * length;
      entries.at[place] = this.#states.add(states, start, start + length, entries.rooms[place]);
    }
    entries.numbers[place] = changes.numbers[change] as number;
    entries.lengths[place] = length;
    this.#longest = Math.max(this.#longest, length);
  }

  /** Nothing is added, set or deleted from then on: those of a copy that were not changed, and those that were set, are one. In steps. */
  *#merge(): IterableIterator<void> {
    this.#apply();
    const [copied, changed, places] = [this.#copied, this.#entries, this.#places];
    if (copied.keys.length === 0 || !places) return;
    for (let from = 0; from < copied.keys.length && places.size > 0; from += atOnce) {
      const keys = copied.keys.slice(from, from + atOnce);
      places.prepare(keys);
      for (let i = 0; i < keys.length; i++) if (places.has(keys[i] as Key)) copied.numbers[from + i] = deleted;
      yield;
    }
    for (const [place, key] of changed.keys.entries()) {
      const to = copied.add(key);
      copied.numbers[to] = changed.numbers[place] as number;
      copied.at[to] = changed.at[place] as number;
      copied.lengths[to] = changed.lengths[place] as number;
    }
    this.#entries = copied;
    this.#places = undefined;
  }

  #mergeNow(): void {
    while (!this.#merging.next().done);
  }

  /** All that are there, as they were written. Nothing may be added, set or deleted from then on. */
  *written(): Iterable<WrittenEntry> {
    this.#mergeNow();
    const { keys, numbers } = this.#entries;
    for (const [place, key] of keys.entries()) {
      const number = numbers[place] as number;
      if (number !== deleted) yield { key: keyToBytes(key), number, state: this.#stateOf(place) };
    }
    for (const [key, entry] of this.#unreadable) yield { key: Buffer.from(key, 'latin1'), ...entry };
  }

  /**
   * Decodes all, in slices of the event loop: but long states, which are bytes until they are first asked for. `corrupt` returns the error for one
   * that cannot be read then. Nothing is added, set or deleted from then on.
   */
  async decode(corrupt: (failure: Error) => Error = (failure) => failure): Promise<DecodedEntries> {
    const slices = new LoopSlices();
    while (!this.#merging.next().done) if (slices.isOver()) await slices.next();
    const { keys, numbers } = this.#entries;
    const order = await placesByNumber(numbers, keys.length, slices);
    const states = this.#longest >= minUnreadBytes ? new UnreadStates(corrupt) : new KeyTable<Key, unknown>();
    const reader = new StateReader();
    let failure = [...this.#unreadable.keys()].map(faultOf)[0];
    for (let from = 0; from < order.length && !failure; from += atOnce) {
      const places = order.subarray(from, from + atOnce);
      const read = this.#statesOf(reader, places);
      if (read instanceof Error) failure = read;
      else setAll(states, keys, places, (i) => read[i]);
      if (slices.isOver()) await slices.next();
    }
    const last = numbers[order.at(-1) ?? -1] ?? 0;
    return { states, numbers: this.#numbered(order), last, unreadable: [...this.#unreadable.keys()], failure };
  }

  async #numbered(order: Uint32Array): Promise<KeyTable<Key, number>> {
    const slices = new LoopSlices();
    const { keys, numbers } = this.#entries;
    const known = this.#places;
    if (known) {
      let count = 0;
      for (const [key, place] of known) {
        known.set(key, numbers[place] as number);
        if (slices.isOver(++count)) await slices.next();
      }
      return known;
    }
    const table = new KeyTable<Key, number>();
    for (let from = 0; from < order.length; from += atOnce) {
      const places = order.subarray(from, from + atOnce);
      setAll(table, keys, places, (i) => numbers[places[i] as number] as number);
      if (slices.isOver()) await slices.next();
    }
    return table;
  }

  /** The states in these places, in their order, or why one of them cannot be read. Long ones are not read. */
  #statesOf(reader: StateReader, all: Uint32Array): readonly unknown[] | Error {
    const { at, lengths } = this.#entries;
    const isLong = (place: number) => (lengths[place] as number) >= minUnreadBytes;
    const places = this.#longest >= minUnreadBytes ? all.filter((place) => !isLong(place)) : all;
    const withLong = (states: readonly unknown[]): readonly unknown[] => {
      if (places.length === all.length) return states;
      let next = 0;
      return Array.from(all, (place) => (isLong(place) ? this.#unread(place) : states[next++]));
    };
    try {
      for (const place of places) {
        const begin = at[place] as number;
        const start = this.#states.startOf(begin);
        reader.add(this.#states.blockOf(begin), start + (lengths[place] as number), start);
      }
      const states = reader.take();
      if (states.length === places.length) return withLong(states);
    } catch {
      // It is found one by one.
    }
    reader.reset();
    try {
      return withLong(Array.from(places, (place) => stateFromBytes(this.#stateOf(place), lengths[place] as number)));
    } catch (error) {
      return error as Error;
    }
  }

  #unread(place: number): UnreadState {
    const begin = this.#entries.at[place] as number;
    return new UnreadState(
      this.#states.blockOf(begin),
      this.#states.startOf(begin),
      this.#entries.lengths[place] as number,
    );
  }

  #stateOf(place: number): Buffer {
    const begin = this.#entries.at[place] as number;
    const start = this.#states.startOf(begin);
    return this.#states.blockOf(begin).subarray(start, start + (this.#entries.lengths[place] as number));
  }
}

function setAll<S>(table: KeyTable<Key, S>, all: readonly Key[], places: Uint32Array, of: (i: number) => S): void {
  const keys = Array.from(places, (place) => all[place] as Key);
  table.prepare(keys);
  for (let i = 0; i < keys.length; i++) table.set(keys[i] as Key, of(i));
  table.prepare([]);
}

/** Why a key cannot be read, by its bytes as text. */
function faultOf(key: string): Error | undefined {
  try {
    keyFromBytes(Buffer.from(key, 'latin1'));
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

const textKind = 's'.charCodeAt(0);

/** `undefined` for bytes that are no key. */
function keyAt(bytes: Buffer, start: number, end: number): Key | undefined {
  // Most are texts, and most of these have no other bytes in UTF-8 than they have as they are.
  if (bytes[start] === textKind && isAscii(bytes, start, end)) return bytes.toString('latin1', start + 1, end);
  try {
    return keyFromBytes(bytes, start, end);
  } catch {
    return undefined;
  }
}

function isAscii(bytes: Buffer, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if ((bytes[i] as number) > 0x7f) return false;
  return true;
}
