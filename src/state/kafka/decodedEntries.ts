import type { Key } from '../../batch/key.js';
import { keyFromBytes } from '../../storage/keyBytes.js';
import { LoopSlices } from '../../storage/loopSlices.js';
import { StateReader, stateFromBytes } from '../../storage/stateBytes.js';

/** An entry as bytes, in their place among others. */
export interface EncodedEntry {
  readonly number: number;
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** The number of an entry, which keeps its place among the others. */
export interface Numbered {
  readonly number: number;
}

/** The entries of a state, oldest first; an error for one that cannot be read: the state can still be dropped. */
export interface DecodedEntries {
  readonly entries: (readonly [Key, unknown] | Error)[];
  /** The number of each, by the bytes of its key as text. */
  readonly numbers: Map<string, Numbered>;
}

/** States that are decoded together: parsing one by itself takes longer than a small state. */
const statesPerBlock = 256;

/** Decodes in slices of the event loop. With `release` `encoded` loses its bytes, and holds the numbers from then on. */
export async function decodeEntries(encoded: Map<string, EncodedEntry>, release: boolean): Promise<DecodedEntries> {
  const slices = new LoopSlices();
  const keys: string[] = [];
  const all: EncodedEntry[] = [];
  const numbers = release ? (encoded as Map<string, Numbered>) : new Map<string, Numbered>();
  for (const [key, entry] of encoded) {
    keys.push(key);
    all.push(entry);
    if (slices.isOver(keys.length)) await slices.next();
  }
  const order = byNumber(all);
  const entries: DecodedEntries['entries'] = [];
  const reader = new StateReader();
  for (let from = 0; from < order.length; from += statesPerBlock) {
    const block = order.subarray(from, from + statesPerBlock);
    const states = statesOf(reader, all, block);
    for (let i = 0; i < block.length; i++) {
      const place = block[i] as number;
      const key = keys[place] as string;
      entries.push(states ? pairOf(key, states[i]) : decodeEntry(key, all[place] as EncodedEntry));
      numbers.set(key, { number: (all[place] as EncodedEntry).number });
    }
    if (slices.isOver(0)) await slices.next();
  }
  return { entries, numbers };
}

/** The states of these, in their order; `undefined` where one of them cannot be read. */
function statesOf(
  reader: StateReader,
  all: readonly EncodedEntry[],
  places: Float64Array,
): readonly unknown[] | undefined {
  try {
    for (const place of places) {
      const { bytes, start, end } = all[place] as EncodedEntry;
      reader.add(bytes, end, start);
    }
    const states = reader.take();
    return states.length === places.length ? states : undefined;
  } catch {
    reader.reset();
    return undefined;
  }
}

function pairOf(key: string, state: unknown): readonly [Key, unknown] | Error {
  try {
    return [keyFromText(key), state];
  } catch (error) {
    return error as Error;
  }
}

/** @param key the bytes of the key as text */
export function decodeEntry(key: string, { bytes, start, end }: EncodedEntry): readonly [Key, unknown] | Error {
  try {
    return [keyFromText(key), stateFromBytes(bytes.subarray(start, end), end - start)];
  } catch (error) {
    return error as Error;
  }
}

const textKind = 's';

function keyFromText(key: string): Key {
  // Most are texts, and most of these have no other bytes in UTF-8 than they have as they are.
  if (key.startsWith(textKind) && isAscii(key)) return key.slice(1);
  return keyFromBytes(Buffer.from(key, 'latin1'));
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return false;
  return true;
}

/** The places of the entries, lowest number first. */
function byNumber(entries: readonly EncodedEntry[]): Float64Array {
  const count = entries.length;
  const order = new Float64Array(count);
  let last = 0;
  for (const { number } of entries) if (number > last) last = number;
  if (last * count < Number.MAX_SAFE_INTEGER - count) {
    // Sorted natively, with the place behind the number.
    for (let place = 0; place < count; place++) order[place] = (entries[place] as EncodedEntry).number * count + place;
    order.sort();
    for (let i = 0; i < count; i++) order[i] = (order[i] as number) % count;
    return order;
  }
  for (let place = 0; place < count; place++) order[place] = place;
  return order.sort((a, b) => (entries[a] as EncodedEntry).number - (entries[b] as EncodedEntry).number);
}
