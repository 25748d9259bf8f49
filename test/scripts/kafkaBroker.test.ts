import { expect, it } from 'vitest';
import { clusterIdOf } from '../../scripts/kafka-broker.mjs';

it('a cluster id is 22 characters of which the first is a letter, whatever the random bytes', () => {
  for (let first = 0; first < 256; first++) {
    const id = clusterIdOf(Buffer.from([first, ...new Uint8Array(15).fill(0xfb)]));
    expect(id).toMatch(/^[A-Za-z][\w-]{21}$/);
  }
  // Before, an id was the bytes as they came.
  expect(Buffer.alloc(16, 0xfb).toString('base64url')).toMatch(/^-/);
});
