import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { shortCrc32 } from '../../src/storage/shortCrc32.js';
import { propertySettings } from '../property/settings.js';

it('is the CRC-32 of zlib, of short bytes and of long ones, whatever stands behind', () => {
  const bytes = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 200, maxLength: 600 }));
  fc.assert(
    fc.property(bytes, fc.uint8Array({ maxLength: 8 }), (data, behind) => {
      expect(shortCrc32(Buffer.concat([data, behind]), data.length)).toBe(crc32(data));
    }),
    propertySettings(),
  );
});
