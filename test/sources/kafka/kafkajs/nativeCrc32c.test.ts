import { describe, expect, it } from 'vitest';
import { load, nativeCrc32c } from '../../../../src/sources/kafka/kafkajs/nativeCrc32c.js';
import { crc32c } from '../../../../src/sources/kafka/protocol/crc32c.js';

describe('the checksum of @node-rs/crc32', () => {
  const absent = () => {
    throw new Error('not installed');
  };
  const wrong = () => ({ crc32c: () => 0 });
  const missing = () => ({});

  it.each([absent, wrong, missing])('is not used where the package is not there, or is not what it says', (require) => {
    expect(load(require)).toBeUndefined();
  });

  it('is computed of the bytes of a range', () => {
    const whole = (bytes: Uint8Array) => crc32c(bytes, 0, bytes.length);
    const bytes = Uint8Array.from({ length: 1_000 }, (_, i) => i * 7);
    expect(load(() => ({ crc32c: whole }))?.(bytes, 3, 900)).toBe(crc32c(bytes, 3, 900));
  });

  it('equals that of our own code, where it is installed', () => {
    const native = nativeCrc32c();
    if (!native) return;
    for (let length = 0; length < 300; length++) {
      const bytes = Uint8Array.from({ length }, (_, i) => i * length);
      expect(native(bytes, 0, length)).toBe(crc32c(bytes, 0, length));
    }
  });
});
