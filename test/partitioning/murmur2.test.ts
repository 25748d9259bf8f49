import { memoryLog } from 'dstream';
import { expect, it } from 'vitest';
import { murmur2, murmur2OfAscii } from '../../src/partitioning/murmur2.js';
import { partitionOfKey } from '../../src/partitioning/partitionOfKey.js';

// The values of Kafka's own test (org.apache.kafka.common.utils.UtilsTest).
it.each([
  ['21', -973932308],
  ['foobar', -790332482],
  ['a-little-bit-long-string', -985981536],
  ['a-little-bit-longer-string', -1486304829],
  ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
  ['abc', 479470107],
])('murmur2 of %s is what it is in Java', (text, hash) => {
  expect(murmur2(new TextEncoder().encode(text))).toBe(hash);
  expect(murmur2OfAscii(text)).toBe(hash);
});

it('hashes text as it hashes its bytes, of any length and with any characters', () => {
  const units = ['', '\0', 'a', '\x7f', 'é', '\u07ff', '€', '\ud83d\ude80', '\ud83d'];
  for (const unit of units) {
    for (let length = 0; length < 13; length++) {
      for (let at = 0; at <= length; at++) {
        const text = `${'k'.repeat(at)}${unit}${'z'.repeat(length - at)}`;
        const bytes = new TextEncoder().encode(text);
        expect(partitionOfKey(text, 2 ** 31 - 1), JSON.stringify(text)).toBe(partitionOfKey(bytes, 2 ** 31 - 1));
        expect(murmur2OfAscii(text)).toBe(bytes.some((byte) => byte > 0x7f) ? undefined : murmur2(bytes));
      }
    }
  }
});

it('places keys as Kafka does, and records without a key in turn', () => {
  const log = memoryLog({ topics: { t: 4 } });
  const placed = log.append('t', [{ key: 'abc', value: '' }, { value: '' }, { value: '' }, { key: 'abc', value: '' }]);
  expect(placed.map(({ partition }) => partition)).toEqual([(479470107 & 0x7fffffff) % 4, 0, 1, 3]);
});
