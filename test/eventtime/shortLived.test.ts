import { inspect } from 'node:util';
import { expect, it } from 'vitest';
import { ShortLivedWindow, shortLivedPair } from '../../src/eventtime/shortLived.js';

it('results look as if they were literals', () => {
  const result = shortLivedPair('SFO', new ShortLivedWindow(0, 10, 3));
  const literal = ['SFO', { start: 0, end: 10, value: 3 }];
  expect(result).toStrictEqual(literal);
  expect(inspect(result)).toBe(inspect(literal));
  expect(JSON.stringify(result)).toBe(JSON.stringify(literal));
  expect(structuredClone(result)).toStrictEqual(literal);
});
