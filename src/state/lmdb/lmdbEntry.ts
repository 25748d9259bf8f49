import { deserialize, serialize } from 'node:v8';
import { crc32 } from 'node:zlib';
import { CorruptCheckpointError } from '../../batch/errors.js';
import { shortCrc32 } from '../../storage/shortCrc32.js';
import { stateFromBytes } from '../../storage/stateBytes.js';

// One state of one key, as its bytes: the state; the key, when it is too long to look up by; its number by age (6); version of
// the state's schema (4); length of that key, else 0 (4); checksum of its look-up bytes and of everything before it
// (4). The state comes first and the checksum last, so that reading takes no view on a part: there are millions of these.

const tailBytes = 18;

/** The CRC-32 of bytes that end with their own, least byte first. */
const residue = 0x2144df1c;

export interface LmdbEntryHead {
  /** Keys are numbered in the order in which they came: by it they are given oldest first. */
  readonly seq: number;
  readonly version: number;
  readonly longKey: Buffer | undefined;
  /** Where the bytes of the state end. */
  readonly stateEnd: number;
}

export interface LmdbEntry extends LmdbEntryHead {
  readonly state: unknown;
}

/** @param at what it is looked up by */
export function entryToBytes(
  at: Buffer,
  seq: number,
  version: number,
  longKey: Buffer | undefined,
  state: Uint8Array,
): Buffer {
  const keyLength = longKey?.length ?? 0;
  const end = state.length + keyLength;
  header.writeUIntBE(seq, 0, 6);
  header.writeUInt32BE(version, 6);
  header.writeUInt32BE(keyLength, 10);
  const checked = crc32(state, crc32(at));
  const checksum = crc32(header, longKey ? crc32(longKey, checked) : checked);
  const bytes = Buffer.allocUnsafe(end + tailBytes);
  bytes.set(state, 0);
  longKey?.copy(bytes, state.length);
  header.copy(bytes, end);
  bytes.writeUInt32LE(checksum, end + 14);
  return bytes;
}

/** Used for one entry after the other. */
const header = Buffer.alloc(14);

/** Its number, when nothing else is asked. */
export function seqOf(bytes: Buffer): number {
  return bytes.readUIntBE(bytes.length - tailBytes, 6);
}

/** @throws {CorruptCheckpointError} when the bytes are not those that were written */
export function entryFromBytes(at: Buffer, bytes: Buffer, location: string): LmdbEntry {
  const { seq, version, longKey, stateEnd } = headFromBytes(shortCrc32(at, at.length), bytes, bytes.length, location);
  return { seq, version, longKey, stateEnd, state: stateFromBytes(bytes, stateEnd) };
}

/**
 * All but the state of an entry of `length` bytes; others may follow.
 *
 * @param at the checksum of what it is looked up by
 * @throws {CorruptCheckpointError} when the bytes are not those that were written
 */
export function headFromBytes(at: number, bytes: Buffer, length: number, location: string): LmdbEntryHead {
  if (!entryFits(at, bytes, 0, length)) {
    throw new CorruptCheckpointError(location, 0, 'the checksum of a state does not fit');
  }
  const end = length - tailBytes;
  const keyLength = bytes.readUInt32BE(end + 10);
  return {
    seq: bytes.readUIntBE(end, 6),
    version: bytes.readUInt32BE(end + 6),
    longKey: keyLength === 0 ? undefined : Buffer.from(bytes.subarray(end - keyLength, end)),
    stateEnd: end - keyLength,
  };
}

/** Whether an entry is as it was written, in its place; `at` is the checksum of its look-up bytes. */
export function entryFits(at: number, bytes: Buffer, start: number, end: number): boolean {
  return end - start >= tailBytes && shortCrc32(bytes, end, at, start) === residue;
}

/** A value of the store's own, such as the progress. */
export function valueToBytes(at: Buffer, value: unknown): Buffer {
  return checkedBytes(at, serialize(value));
}

/** Data behind a checksum (4) of what they are looked up by and of themselves. */
export function checkedBytes(at: Buffer, data: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(4 + data.length);
  bytes.writeUInt32BE(crc32(data, crc32(at)), 0);
  data.copy(bytes, 4);
  return bytes;
}

/** Whether a checksum and its bytes are as they were written, in their place; `at` is the checksum of the key. */
export function valueFits(at: number, bytes: Buffer, start = 0, end = bytes.length): boolean {
  return end - start >= 4 && shortCrc32(bytes, end, at, start + 4) === bytes.readUInt32BE(start);
}

/** @throws {CorruptCheckpointError} when the bytes are not those that were written */
export function valueFromBytes(at: Buffer, bytes: Buffer, location: string): unknown {
  if (!valueFits(crc32(at), bytes)) {
    throw new CorruptCheckpointError(location, 0, `the checksum of ${at.toString('latin1')} does not fit`);
  }
  return deserialize(bytes.subarray(4));
}
