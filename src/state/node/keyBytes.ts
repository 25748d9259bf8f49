import { createHash } from 'node:crypto';
import type { Key } from '../../batch/key.js';

// Keys as bytes, for stores that look keys up by bytes: equal keys have equal bytes, and keys of different kinds differ.
// The first byte says the kind: s text as UTF-8, u text as UTF-16 (it has half a surrogate pair), d a number, i a bigint,
// t and f the booleans, n null; h is the hash of one that is too long to look up by.

export function keyToBytes(key: Key): Buffer {
  switch (typeof key) {
    case 'string':
      return /\p{Surrogate}/u.test(key) ? Buffer.from(`u${key}`, 'utf16le') : Buffer.from(`s${key}`, 'utf8');
    case 'number': {
      const bytes = Buffer.alloc(9, 'd');
      // As for a `Map`, -0 is 0.
      bytes.writeDoubleBE(key === 0 ? 0 : key, 1);
      return bytes;
    }
    case 'bigint':
      return Buffer.from(`i${key}`, 'latin1');
    case 'boolean':
      return Buffer.from(key ? 't' : 'f', 'latin1');
    default:
      return Buffer.from('n', 'latin1');
  }
}

/**
 * The key whose bytes begin at `start`.
 *
 * @throws {RangeError} when the bytes are no key
 */
export function keyFromBytes(bytes: Buffer, start = 0): Key {
  switch (String.fromCharCode(bytes[start] ?? 0)) {
    case 's':
      return bytes.toString('utf8', start + 1);
    case 'u':
      return bytes.toString('utf16le', start + 2);
    case 'd':
      return bytes.readDoubleBE(start + 1);
    case 'i':
      return BigInt(bytes.toString('latin1', start + 1));
    case 't':
      return true;
    case 'f':
      return false;
    case 'n':
      return null;
    default:
      throw new RangeError(`no key begins with byte ${bytes[start]}`);
  }
}

/** What to look a key up by, when that may not be longer than 1024 bytes. */
export function lookupBytes(key: Buffer): Buffer {
  if (key.length <= 1_024) return key;
  return Buffer.concat([Buffer.from('h', 'latin1'), createHash('sha256').update(key).digest()]);
}
