import { deserialize, serialize } from 'node:v8';
import { crc32 } from 'node:zlib';
import { CorruptCheckpointError } from '../../batch/errors.js';

// One state of one key, as its bytes: checksum of all that follows (4), number by age (6), version of the state's schema (4),
// length of the key when it is too long to look up by, else 0 (4), that key, the state.

const headerLength = 18;

export interface LmdbEntry {
  /** Keys are numbered in the order in which they came: by it they are given oldest first. */
  readonly seq: number;
  readonly version: number;
  readonly longKey: Buffer | undefined;
  readonly state: unknown;
}

export function entryToBytes(seq: number, version: number, longKey: Buffer | undefined, state: Uint8Array): Buffer {
  const start = headerLength + (longKey?.length ?? 0);
  const bytes = Buffer.allocUnsafe(start + state.length);
  bytes.writeUIntBE(seq, 4, 6);
  bytes.writeUInt32BE(version, 10);
  bytes.writeUInt32BE(longKey?.length ?? 0, 14);
  longKey?.copy(bytes, headerLength);
  bytes.set(state, start);
  bytes.writeUInt32BE(crc32(bytes.subarray(4)), 0);
  return bytes;
}

/** Its number, when nothing else is asked. */
export function seqOf(bytes: Buffer): number {
  return bytes.readUIntBE(4, 6);
}

/** @throws {CorruptCheckpointError} when the bytes are not those that were written */
export function entryFromBytes(bytes: Buffer, location: string): LmdbEntry {
  if (bytes.length < headerLength || crc32(bytes.subarray(4)) !== bytes.readUInt32BE(0)) {
    throw new CorruptCheckpointError(location, 0, 'the checksum of a state does not fit');
  }
  const start = headerLength + bytes.readUInt32BE(14);
  const longKey = start === headerLength ? undefined : Buffer.from(bytes.subarray(headerLength, start));
  const state: unknown = deserialize(bytes.subarray(start));
  return { seq: seqOf(bytes), version: bytes.readUInt32BE(10), longKey, state };
}

/** A value of the store's own, such as the progress, with a checksum. */
export function valueToBytes(value: unknown): Buffer {
  const data = serialize(value);
  const bytes = Buffer.allocUnsafe(4 + data.length);
  bytes.writeUInt32BE(crc32(data), 0);
  data.copy(bytes, 4);
  return bytes;
}

/** @throws {CorruptCheckpointError} when the bytes are not those that were written */
export function valueFromBytes(bytes: Buffer, location: string): unknown {
  const data = bytes.subarray(4);
  if (bytes.length < 4 || crc32(data) !== bytes.readUInt32BE(0)) {
    throw new CorruptCheckpointError(location, 0, 'the checksum of the progress does not fit');
  }
  return deserialize(data);
}
