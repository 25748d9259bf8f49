import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { crc32c } from '../../../../src/sources/kafka/protocol/crc32c.js';
import { propertySettings } from '../../../property/settings.js';

const of = (bytes: Uint8Array) => crc32c(bytes, 0, bytes.length);

/** Bit by bit, as the polynomial is written. */
function slowly(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return ~crc >>> 0;
}

describe('crc32c', () => {
  it('returns the values of RFC 3720', () => {
    expect(of(new Uint8Array(32))).toBe(0x8a9136aa);
    expect(of(new Uint8Array(32).fill(0xff))).toBe(0x62a8ab43);
    expect(of(Uint8Array.from({ length: 32 }, (_, i) => i))).toBe(0x46dd794e);
    expect(of(Uint8Array.from({ length: 32 }, (_, i) => 31 - i))).toBe(0x113fdb5c);
    expect(of(Buffer.from('123456789'))).toBe(0xe3069283);
    expect(of(new Uint8Array(0))).toBe(0);
  });

  it('is the same wherever the bytes begin and end in their buffer', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(20), fc.nat(200), fc.nat(200), (bytes, shift, a, b) => {
        const [from, until] = [a, b].map((at) => at % (bytes.length + 1)).sort((x, y) => x - y) as [number, number];
        const moved = new Uint8Array(shift + bytes.length).subarray(shift);
        moved.set(bytes);
        expect(crc32c(moved, from, until)).toBe(slowly(bytes.subarray(from, until)));
      }),
      propertySettings(),
    );
  });
});
