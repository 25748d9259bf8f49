import { crc32 } from 'node:zlib';

/** For fewer bytes the call into zlib takes longer than the loop. */
const minZlibBytes = 256;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let rest = byte;
  for (let bit = 0; bit < 8; bit++) rest = rest & 1 ? (rest >>> 1) ^ 0xedb88320 : rest >>> 1;
  return rest;
});

/** The CRC-32 of the bytes from `start` until `end`, usually few, continuing the checksum `before`. */
export function shortCrc32(bytes: Uint8Array, end: number, before = 0, start = 0): number {
  if (end - start > minZlibBytes) return crc32(bytes.subarray(start, end), before);
  let rest = ~before;
  for (let i = start; i < end; i++) rest = (rest >>> 8) ^ (table[(rest ^ (bytes[i] as number)) & 0xff] as number);
  return ~rest >>> 0;
}
