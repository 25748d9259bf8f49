import { expect, it } from 'vitest';
import { concatAll } from '../../src/collections/concatAll.js';

// A window of a day over an interval of half a second has 172,800 batches.
it.each([0, 1, 4_095, 4_096, 4_097, 8_193, 200_000])('joins %i arrays in order', (count) => {
  const arrays = Array.from({ length: count }, (_, i) => (i % 3 === 0 ? [] : [i, -i]));
  expect(concatAll(arrays)).toEqual(arrays.flat());
});

it('gives an array of its own, and keeps records that are arrays themselves', () => {
  const only = [[1], [2]];
  expect(concatAll([only])).toEqual(only);
  expect(concatAll([only])).not.toBe(only);
});
