import { createHash } from 'node:crypto';
import type { Key } from '../batch/key.js';

// Keys as bytes, for stores that look keys up by bytes: equal keys have equal bytes, and keys of different kinds differ.
// The first byte says the kind: s text as UTF-8, u text as UTF-16 (it has half a surrogate pair), d a number, i a bigint,
// t and f the booleans, n null; h is the hash of one that is too long to look up by.

/** With room for so many bytes before it, which are left as they come. */
export function keyToBytes(key: Key, room = 0): Buffer {
  switch (typeof key) {
    case 'string':
      return isWellFormed(key) ? textBytes('s', key, 'utf8', room) : textBytes('u', key, 'utf16le', room);
    case 'number': {
      const bytes = Buffer.alloc(room + 9, 'd');
      // As for a `Map`, -0 is 0.
      bytes.writeDoubleBE(key === 0 ? 0 : key, room + 1);
      return bytes;
    }
    case 'bigint':
      return textBytes('i', String(key), 'latin1', room);
    case 'boolean':
      return textBytes(key ? 't' : 'f', '', 'latin1', room);
    default:
      return textBytes('n', '', 'latin1', room);
  }
}

/** The kind, one byte (two in UTF-16), and the text. */
function textBytes(kind: string, text: string, encoding: BufferEncoding, room: number): Buffer {
  const start = room + (encoding === 'utf16le' ? 2 : 1);
  const bytes = Buffer.allocUnsafe(start + Buffer.byteLength(text, encoding));
  bytes.write(kind, room, encoding);
  bytes.write(text, start, encoding);
  return bytes;
}

/** The language version that the types are of does not know the method yet. */
function isWellFormed(text: string & { isWellFormed?(): boolean }): boolean {
  return text.isWellFormed?.() ?? !/\p{Surrogate}/u.test(text);
}

/**
 * The key whose bytes these are.
 *
 * @throws {RangeError} when the bytes are no key
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
export const longest = 1_024;

/** What to look a key up by, when that may not be long. */
export function lookupBytes(key: Buffer): Buffer {
  if (key.length <= longest) return key;
  return Buffer.concat([Buffer.from('h', 'latin1'), createHash('sha256').update(key).digest()]);
}
