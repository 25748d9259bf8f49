import { crc32 } from 'node:zlib';

// By number of the state (4) and age of a key (6): the checksum of both and of what follows (4), what the key is looked up by.

export function ageKey(state: number, seq: number): Buffer {
  const bytes = Buffer.allocUnsafe(10);
  bytes.writeUInt32BE(state, 0);
  bytes.writeUIntBE(seq, 4, 6);
  return bytes;
}

export function ageToBytes(at: Buffer, lookup: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(4 + lookup.length);
  bytes.writeUInt32BE(crc32(lookup, crc32(at)), 0);
  lookup.copy(bytes, 4);
  return bytes;
}
