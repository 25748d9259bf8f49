import { crc32 as zlibCrc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { crc32, load } from '../../src/storage/crc32.js';

describe('the checksum of files', () => {
  const absent = () => {
    throw new Error('not installed');
  };
  const wrong = () => ({ crc32: () => 0 });
  const missing = () => ({});

  it.each([absent, wrong, missing])(
    'is not that of @node-rs/crc32 where the package is not there, or is not what it says',
    (require) => {
      expect(load(require)).toBeUndefined();
    },
  );

  it('is that of the package where it is right', () => {
    expect(load(() => ({ crc32: zlibCrc32 }))).toBe(zlibCrc32);
  });

  it('is the same for few bytes and for many, whatever computes it', () => {
    for (const length of [0, 1, 16, 1_000, 16_383, 16_384, 16_385, 100_000, 1_048_579]) {
      const bytes = Uint8Array.from({ length: length + 3 }, (_, i) => (i * 2_654_435_761) >>> 24).subarray(3);
      expect(crc32(bytes), `${length} bytes`).toBe(zlibCrc32(bytes));
    }
  });
});
