import fc from 'fast-check';
import { expect, it } from 'vitest';
import { maxMinShares } from '../../src/collections/maxMinShares.js';
import { propertySettings } from '../property/settings.js';

it('gives equal shares where all want more', () => {
  expect(maxMinShares(90, [100, 100, 100])).toEqual([30, 30, 30]);
});

it('shares what the modest leave among the others', () => {
  expect(maxMinShares(90, [100, 10, 100])).toEqual([40, 10, 40]);
  expect(maxMinShares(90, [10, 20, 30])).toEqual([10, 20, 30]);
  expect(maxMinShares(90, [])).toEqual([]);
});

it('is max-min fair: a share below its demand is the largest', () => {
  const demands = fc.array(fc.integer({ min: 0, max: 1_000 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 3_000 }), demands, (total, wanted) => {
      const shares = maxMinShares(total, wanted);
      const sum = shares.reduce((all, share) => all + share, 0);
      const most = Math.max(...shares);
      expect(sum).toBeCloseTo(
        Math.min(
          total,
          wanted.reduce((all, one) => all + one, 0),
        ),
        6,
      );
      for (const [i, share] of shares.entries()) {
        expect(share).toBeLessThanOrEqual(wanted[i] ?? 0);
        if (share < (wanted[i] ?? 0)) expect(share).toBeCloseTo(most, 6);
      }
    }),
    propertySettings(),
  );
});
