import { describe, expect, it } from 'vitest';
import { KeyHash } from '../../src/state/keyHash.js';

/** All strings of `blocks` blocks, each one of two. */
function strings(blocks: number, one: string, other: string): readonly string[] {
  return Array.from({ length: 2 ** blocks }, (_, i) =>
    Array.from({ length: blocks }, (_, bit) => ((i >> bit) & 1 ? one : other)).join(''),
  );
}

const distinct = (keys: readonly (string | number | bigint)[]): number => {
  const hash = new KeyHash();
  return new Set(keys.map((key) => hash.of(key))).size;
};

/** A random function of 4,096 keys to 32 bits has 0.002 collisions on average, and more than 4 in none of 10^15 tables. */
const collisions = 4;

describe('the hash of keys', () => {
  it.each([
    // Their difference in the highest bit of a word moves to where the next word cancels it, whatever factor and seed are.
    ['of blocks that cancel each other', strings(12, 'aaaa', 'a\u8061a\u8060')],
    ['of blocks that differ in single bits', strings(12, 'ab', 'bb')],
    ['of blocks that differ in high bits', strings(12, '\u8000a', 'a\u8000')],
    ['of odd length', strings(12, 'abc', 'abd').map((text) => `${text}x`)],
    ['that count', Array.from({ length: 4_096 }, (_, i) => `user-${i}`)],
    ['of zeros of every length', Array.from({ length: 4_096 }, (_, i) => '\0'.repeat(i))],
    ['that are whole numbers', Array.from({ length: 4_096 }, (_, i) => i * 2 ** 20)],
    ['that are fractions', Array.from({ length: 4_096 }, (_, i) => i + 0.5)],
    ['that are large integers', Array.from({ length: 4_096 }, (_, i) => BigInt(i) << 100n)],
  ])('spreads keys %s, under every seed', (_, keys) => {
    for (let seed = 0; seed < 5; seed++) expect(distinct(keys)).toBeGreaterThanOrEqual(keys.length - collisions);
  });

  it('is the same for keys that are equal in a Map, and differs from table to table', () => {
    const hash = new KeyHash();
    expect(hash.of(-0)).toBe(hash.of(0));
    expect(hash.of(Number.NaN)).toBe(hash.of(Number.NaN));
    expect(hash.of('ab')).toBe(hash.of(['a', 'b'].join('')));
    const seeds = Array.from({ length: 100 }, () => new KeyHash().of('key'));
    expect(new Set(seeds).size).toBeGreaterThan(98);
  });

  it('changes each bit for half of the changes of one bit of a key', () => {
    const hash = new KeyHash();
    const flips = new Array<number>(32).fill(0);
    const trials = 4_096;
    for (let i = 0; i < trials; i++) {
      const text = `key ${i}`;
      const at = i % text.length;
      const changed = String.fromCharCode(text.charCodeAt(at) ^ (1 << (i % 16)));
      const difference = hash.of(text) ^ hash.of(text.slice(0, at) + changed + text.slice(at + 1));
      for (let bit = 0; bit < 32; bit++) flips[bit] = (flips[bit] ?? 0) + ((difference >>> bit) & 1);
    }
    // Eight standard deviations on either side.
    for (const count of flips) expect(Math.abs(count - trials / 2)).toBeLessThan(8 * Math.sqrt(trials / 4));
  });
});
