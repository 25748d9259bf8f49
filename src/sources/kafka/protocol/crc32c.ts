/** `tables[k * 256 + b]`: what the byte b does to the checksum when k more bytes follow it. */
const tables = makeTables();
const littleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/**
 * CRC-32C (Castagnoli), the checksum of Kafka's record batches, as an unsigned 32-bit number.
 *
 * Sixteen bytes are folded in at once, and read as four words: that is about two and a half times as fast as eight bytes
 * read one by one. docs/design/0003-kafka-read-path.md says what else was tried.
 *
 * Source: RFC 3720; the "slicing" algorithm of Kounavis and Berry.
 */
export function crc32c(bytes: Uint8Array, from: number, until: number): number {
  const t = tables;
  let crc = -1;
  let i = from;
  if (littleEndian && until - from >= 32) {
    // Words begin at multiples of four.
    while (((bytes.byteOffset + i) & 3) !== 0) crc = t[(crc ^ bytes[i++]!) & 0xff]! ^ (crc >>> 8);
    const count = (until - i) >> 4;
    const words = new Int32Array(bytes.buffer, bytes.byteOffset + i, count * 4);
    for (let w = 0; w < words.length; w += 4) {
      const a = words[w]! ^ crc;
      const b = words[w + 1]!;
      const c = words[w + 2]!;
      const d = words[w + 3]!;
      crc =
        t[0xf00 + (a & 0xff)]! ^
        t[0xe00 + ((a >>> 8) & 0xff)]! ^
        t[0xd00 + ((a >>> 16) & 0xff)]! ^
        t[0xc00 + (a >>> 24)]! ^
        t[0xb00 + (b & 0xff)]! ^
        t[0xa00 + ((b >>> 8) & 0xff)]! ^
        t[0x900 + ((b >>> 16) & 0xff)]! ^
        t[0x800 + (b >>> 24)]! ^
        t[0x700 + (c & 0xff)]! ^
        t[0x600 + ((c >>> 8) & 0xff)]! ^
        t[0x500 + ((c >>> 16) & 0xff)]! ^
        t[0x400 + (c >>> 24)]! ^
        t[0x300 + (d & 0xff)]! ^
        t[0x200 + ((d >>> 8) & 0xff)]! ^
        t[0x100 + ((d >>> 16) & 0xff)]! ^
        t[d >>> 24]!;
    }
    i += count * 16;
  }
  while (i < until) crc = t[(crc ^ bytes[i++]!) & 0xff]! ^ (crc >>> 8);
  return ~crc >>> 0;
}

function makeTables(): Int32Array {
  const made = new Int32Array(16 * 256);
  for (let n = 0; n < 256; n++) {
    let crc = n;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
    made[n] = crc;
  }
  for (let n = 256; n < made.length; n++) {
    const previous = made[n - 256]!;
    made[n] = made[previous & 0xff]! ^ (previous >>> 8);
  }
  return made;
}
