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
