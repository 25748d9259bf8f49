import { createHash } from 'node:crypto';
import type { Key } from '../batch/key.js';

// Keys as bytes, for stores that look keys up by bytes: equal keys have equal bytes, and keys of different kinds differ.
// The first byte says the kind: s text as UTF-8, u text as UTF-16 (it has half a surrogate pair), d a number, i a bigint,
// t and f the booleans, n null; h is the hash of a key that is too long to look up.

/** @param prefixBytes how many uninitialized bytes to leave in front of the key */
export function keyToBytes(key: Key, prefixBytes = 0): Buffer {
  switch (typeof key) {
    case 'string':
      return isWellFormed(key) ? textBytes('s', key, 'utf8', prefixBytes) : textBytes('u', key, 'utf16le', prefixBytes);
    case 'number': {
      const bytes = Buffer.alloc(prefixBytes + 9, 'd');
      // As in a `Map`, -0 is 0.
      bytes.writeDoubleBE(key === 0 ? 0 : key, prefixBytes + 1);
      return bytes;
    }
    case 'bigint':
      return textBytes('i', String(key), 'latin1', prefixBytes);
    case 'boolean':
      return textBytes(key ? 't' : 'f', '', 'latin1', prefixBytes);
    default:
      return textBytes('n', '', 'latin1', prefixBytes);
  }
}

/** The kind, one byte (two in UTF-16), and the text. */
function textBytes(kind: string, text: string, encoding: BufferEncoding, prefixBytes: number): Buffer {
  const start = prefixBytes + (encoding === 'utf16le' ? 2 : 1);
  const bytes = Buffer.allocUnsafe(start + Buffer.byteLength(text, encoding));
  bytes.write(kind, prefixBytes, encoding);
  bytes.write(text, start, encoding);
  return bytes;
}

/** The types of this language version lack the method. */
function isWellFormed(text: string & { isWellFormed?(): boolean }): boolean {
  return text.isWellFormed?.() ?? !/\p{Surrogate}/u.test(text);
}

/**
 * The key whose bytes these are.
 *
 * @throws {RangeError} when the bytes are not a key
 */
export function keyFromBytes(bytes: Buffer, start = 0, end = bytes.length): Key {
  switch (bytes[start]) {
    case kinds.text:
      return bytes.toString('utf8', start + 1, end);
    case kinds.utf16:
      return bytes.toString('utf16le', start + 2, end);
    case kinds.number:
      return bytes.readDoubleBE(start + 1);
    case kinds.bigint:
      return BigInt(bytes.toString('latin1', start + 1, end));
    case kinds.true:
      return true;
    case kinds.false:
      return false;
    case kinds.null:
      return null;
    default:
      throw new RangeError(`no key begins with byte ${bytes[start]}`);
  }
}

const codeOf = (kind: string) => kind.charCodeAt(0);
const kinds = {
  text: codeOf('s'),
  utf16: codeOf('u'),
  number: codeOf('d'),
  bigint: codeOf('i'),
  true: codeOf('t'),
  false: codeOf('f'),
  null: codeOf('n'),
};

/** Bytes of the longest key that is looked up by as it is. */
export const maxLookupBytes = 1_024;

/** The bytes to look a key up by, at most 1,024: those of a longer key are hashed. */
export function lookupBytes(key: Buffer): Buffer {
  if (key.length <= maxLookupBytes) return key;
  return Buffer.concat([Buffer.from('h', 'latin1'), createHash('sha256').update(key).digest()]);
}
