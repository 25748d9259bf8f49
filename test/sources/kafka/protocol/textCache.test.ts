import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TextCache } from '../../../../src/sources/kafka/protocol/textCache.js';
import { propertySettings } from '../../../property/settings.js';

function decode(cache: TextCache, bytes: Buffer, from = 0, until = bytes.length): string {
  return cache.decode(bytes, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), from, until);
}

describe('TextCache', () => {
  it('returns the text of the bytes, whatever was decoded before and lies around them', () => {
    const cache = new TextCache();
    const text = fc.oneof(
      fc.string({ maxLength: 40 }),
      fc.string({ unit: 'grapheme', maxLength: 12 }),
      fc.nat(20_000).map((n) => `key-${n}`),
      fc.constantFrom('', 'a', 'a'.repeat(32), 'a'.repeat(33), 'ä', '\u0000', '\u007f', '\u0080', '€', '😀'),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(text, text), { maxLength: 50 }), (texts) => {
        for (const [before, wanted] of texts) {
          const from = Buffer.byteLength(before);
          const until = from + Buffer.byteLength(wanted);
          expect(decode(cache, Buffer.from(`${before}${wanted}${before}`), from, until)).toBe(
            Buffer.from(wanted).toString('utf8'),
          );
        }
      }),
      propertySettings(),
    );
  });

  it('decodes invalid UTF-8 as the engine decodes it', () => {
    const cache = new TextCache();
    const bytes = Buffer.from([0x61, 0xff, 0xc3, 0x28, 0x62]);
    for (let i = 0; i < 3; i++) expect(decode(cache, bytes)).toBe(bytes.toString('utf8'));
  });

  it('goes on giving the right text when no text comes twice, and when they come again', () => {
    const cache = new TextCache();
    const keys = Array.from({ length: 20_000 }, (_, i) => `${i}`);
    for (const key of [...keys, ...keys.slice(0, 10), ...keys]) {
      const bytes = Buffer.from(key);
      expect(decode(cache, bytes)).toBe(key);
    }
    for (let round = 0; round < 8_000; round++) {
      const key = `again-${round % 10}`;
      expect(decode(cache, Buffer.from(key))).toBe(key);
    }
  });
});
