import type { Key } from '../../batch/key.js';
import { keyToBytes, lookupBytes, maxLookupBytes } from '../../storage/keyBytes.js';

// What is looked up by what, in the databases of LmdbStore.

const plannedStart = Buffer.from('planned ');

/** All planned batches. */
export const plannedRange = { start: plannedStart, end: Buffer.from('planned!') } as const;

/** In order of time: shifted, so that negative times come first. */
export function plannedKey(time: number): Buffer {
  const bytes = Buffer.alloc(plannedStart.length + 8);
  plannedStart.copy(bytes);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, BigInt(time) + 2n ** 63n), plannedStart.length);
  return bytes;
}

/** The key of an entry: the number of its state, then the bytes of its key. */
export function entryKey(state: number, key: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(4 + key.length);
  bytes.writeUInt32BE(state, 0);
  key.copy(bytes, 4);
  return bytes;
}

/** The same, of a key that is not bytes yet. */
export function entryKeyOf(state: number, key: Key): { readonly at: Buffer; readonly longKey: Buffer | undefined } {
  const at = keyToBytes(key, 4);
  if (at.length - 4 > maxLookupBytes) {
    const longKey = at.subarray(4);
    return { at: entryKey(state, lookupBytes(longKey)), longKey };
  }
  at.writeUInt32BE(state, 0);
  return { at, longKey: undefined };
}

/** All keys of a state, for a range. */
export function rangeOf(state: number): { readonly start: Buffer; readonly end: Buffer } {
  return { start: entryKey(state, Buffer.alloc(0)), end: entryKey(state + 1, Buffer.alloc(0)) };
}

/** The key of an age: the number of the state (4), then the age of the key (6). */
export function ageKey(state: number, seq: number): Buffer {
  const bytes = Buffer.allocUnsafe(10);
  bytes.writeUInt32BE(state, 0);
  bytes.writeUIntBE(seq, 4, 6);
  return bytes;
}
