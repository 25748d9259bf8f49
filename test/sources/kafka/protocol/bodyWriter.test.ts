import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BodyReader } from '../../../../src/sources/kafka/protocol/bodyReader.js';
import { BodyWriter } from '../../../../src/sources/kafka/protocol/bodyWriter.js';
import { propertySettings } from '../../../property/settings.js';

const field = fc.oneof(
  fc.record({ int16: fc.integer({ min: -32_768, max: 32_767 }) }),
  fc.record({ int32: fc.integer() }),
  fc.record({ int64: fc.maxSafeInteger() }),
  fc.record({ uvarint: fc.nat() }),
  fc.record({ string: fc.string({ unit: 'binary', maxLength: 400 }) }),
  fc.record({ compactString: fc.string({ unit: 'binary', maxLength: 400 }) }),
);

describe('BodyWriter', () => {
  it.each([
    ['a number', (writer: BodyWriter) => writer.int32(1_234_567), (reader: BodyReader) => reader.int32(), 1_234_567],
    [
      'a text',
      (writer: BodyWriter) => writer.string('x'.repeat(40)),
      (reader: BodyReader) => reader.string(),
      'x'.repeat(40),
    ],
    [
      'bytes',
      (writer: BodyWriter) => writer.raw(Buffer.alloc(16, 7)),
      (reader: BodyReader) => reader.uuid(),
      '07'.repeat(16),
    ],
  ] as const)('writes %s across the end of the buffer that it began with', (_, write, read, written) => {
    for (let before = 200; before < 260; before++) {
      const writer = new BodyWriter();
      for (let i = 0; i < before; i++) writer.int8(1);
      write(writer);
      const reader = new BodyReader(writer.bytes);
      for (let i = 0; i < before; i++) reader.int8();
      expect(read(reader)).toBe(written);
    }
  });

  it('writes what BodyReader reads, however long', () => {
    fc.assert(
      fc.property(fc.array(field, { maxLength: 20 }), (fields) => {
        const writer = new BodyWriter();
        for (const one of fields) {
          if ('int16' in one) writer.int16(one.int16);
          else if ('int32' in one) writer.int32(one.int32);
          else if ('int64' in one) writer.int64(one.int64);
          else if ('uvarint' in one) writer.uvarint(one.uvarint);
          else if ('string' in one) writer.string(one.string);
          else writer.compactString(one.compactString);
        }
        const reader = new BodyReader(writer.bytes);
        for (const one of fields) {
          if ('int16' in one) expect(reader.int16()).toBe(one.int16);
          else if ('int32' in one) expect(reader.int32()).toBe(one.int32);
          else if ('int64' in one) expect(reader.int64()).toBe(BigInt(one.int64));
          else if ('uvarint' in one) expect(reader.uvarint()).toBe(one.uvarint);
          else if ('string' in one) expect(reader.string()).toBe(one.string);
          else expect(reader.compactString()).toBe(one.compactString);
        }
        expect(() => reader.int16()).toThrow(RangeError);
      }),
      propertySettings(),
    );
  });
});
