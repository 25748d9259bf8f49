import { describe, expect, it } from 'vitest';
import { quantile } from '../../bench/quantile.js';

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

describe('a quantile', () => {
  it.each([
    [100, 0.5, 50],
    [100, 0.9, 90],
    [100, 0.99, 99],
    [101, 0.99, 100],
    [10, 0.99, 10],
    [5, 0.5, 3],
    [4, 0.5, 2],
    [4, 0, 1],
    [4, 1, 4],
    [1, 0.5, 1],
  ])('of %d values: the part %d does not exceed %d', (n, part, expected) => {
    expect(quantile(upTo(n).reverse(), part)).toBe(expected);
  });

  it('is of the rank that is meant for every percent of a hundred values', () => {
    for (let percent = 1; percent <= 100; percent++) expect(quantile(upTo(100), percent / 100)).toBe(percent);
  });

  it('has at least that part of the values below or at it, and less below', () => {
    for (let n = 1; n < 60; n++) {
      const values = upTo(n).map((i) => (i * 7_919) % 31);
      for (let step = 1; step <= 20; step++) {
        const part = step / 20;
        const found = quantile(values, part);
        expect(values.filter((value) => value <= found).length).toBeGreaterThanOrEqual(part * n - 1e-9);
        expect(values.filter((value) => value < found).length).toBeLessThan(part * n);
      }
    }
  });

  it('leaves the values as they are, and counts Infinity', () => {
    const values = [3, Infinity, 1];
    expect(quantile(values, 1)).toBe(Infinity);
    expect(values).toEqual([3, Infinity, 1]);
  });

  it('of nothing is no number, and of no part an error', () => {
    expect(quantile([], 0.5)).toBeNaN();
    for (const part of [-0.1, 1.1, Number.NaN, 99]) expect(() => quantile([1], part)).toThrow(RangeError);
  });
});
