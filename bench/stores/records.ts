import { entryToBytes } from '../../src/state/lmdb/lmdbEntry.js';
import { entryKeyOf } from '../../src/state/lmdb/lmdbKeys.js';
import type { Entry } from './engine.js';

/** The key of customer `i`, as `lmdbCheckpoint` looks it up. */
export function keyOf(i: number): Buffer {
  return entryKeyOf(0, `customer-${i}`).at;
}

/** A state of the state benchmark, as `lmdbCheckpoint` writes it. */
export function entryOf(i: number, n: number): Entry {
  return entryWith(i, JSON.stringify({ n }));
}

export function entryWith(i: number, state: string): Entry {
  const key = keyOf(i);
  return [key, entryToBytes(key, i + 1, 0, undefined, Buffer.from(state))];
}

/** Numbers from 0 to 1, the same for the same seed. */
export function drawing(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
