import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ShareCarry } from '../../src/backpressure/shareCarry.js';
import { shareRecords } from '../../src/backpressure/shareRecords.js';
import { propertySettings } from '../property/settings.js';

const share = (lags: readonly number[], rate: number | undefined, more: object = {}) =>
  shareRecords({ lags, rate, interval: 1_000, ...more });

describe('shareRecords', () => {
  it('shares by lag, with an exact sum', () => {
    expect(share([300, 100, 200], 60)).toEqual([30, 10, 20]);
    expect(share([1, 1, 1, 1_000], 100)).toEqual([1, 1, 1, 97]);
    expect(share([10, 10, 10], 10)).toEqual([4, 3, 3]);
  });

  it('gives everything without a rate, up to the cap', () => {
    expect(share([5, 0, 500], undefined)).toEqual([5, 0, 500]);
    expect(share([5, 0, 500], undefined, { maxRatePerPartition: 100 })).toEqual([5, 0, 100]);
  });

  it('gives nothing at rate 0 and nothing without lag', () => {
    expect(share([5, 6], 0)).toEqual([0, 0]);
    expect(share([0, 0], 100)).toEqual([0, 0]);
  });

  it('starves nobody, not even when the budget is smaller than the partitions are many', () => {
    expect(share([1, 1_000, 0, 50], 3)).toEqual([1, 1, 0, 1]);
    expect(share([1, 1_000, 0, 50], 2, { turn: 2 })).toEqual([1, 0, 0, 1]);
    expect(share([1, 1_000, 0, 50], 2, { minRatePerPartition: 0.1 })).toEqual([1, 1, 0, 1]);
    expect(share([500, 500], 100, { minRatePerPartition: 80 })).toEqual([80, 80]);
  });

  it('shares evenly when told to', () => {
    expect(share([1_000, 10, 100], 120, { strategy: 'fair' })).toEqual([55, 10, 55]);
  });

  it('gives each what it has up to a time, and in proportion where that is too much', () => {
    const aligned = (
      lags: readonly number[],
      rate: number | undefined,
      wanted?: readonly number[],
      more: object = {},
    ) => share(lags, rate, { strategy: 'aligned', wanted, ...more });
    expect(aligned([100, 100, 100], 150, [0, 80, 30])).toEqual([1, 80, 30]);
    expect(aligned([100, 100, 100], 56, [0, 80, 30])).toEqual([1, 40, 15]);
    expect(aligned([100, 100, 0], 150, [0, 80, 30], { maxRatePerPartition: 20 })).toEqual([1, 20, 0]);
    expect(aligned([100, 100, 100], undefined, [0, 80, 30])).toEqual([1, 80, 30]);
    // Nothing is known of their times.
    expect(aligned([100, 100, 0], 150)).toEqual([1, 1, 0]);
  });

  it('keeps its promises for random lags, rates, caps and floors', () => {
    const rate = fc.oneof(fc.constant(undefined), fc.double({ min: 0, max: 1e6, noNaN: true }));
    const positive = fc.option(fc.double({ min: 0.01, max: 1e5, noNaN: true }), { nil: undefined });
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 1e7 }), { minLength: 1, maxLength: 40 }),
        rate,
        fc.integer({ min: 1, max: 10_000 }),
        positive,
        positive,
        fc.constantFrom('lag' as const, 'fair' as const, 'aligned' as const),
        fc.array(fc.integer({ min: 0, max: 1e6 }), { maxLength: 40 }),
        (lags, rate, interval, maxRatePerPartition, min, strategy, wanted) => {
          const minRatePerPartition = min === undefined ? undefined : Math.min(min, maxRatePerPartition ?? Infinity);
          const request = { lags, rate, interval, maxRatePerPartition, minRatePerPartition, strategy, wanted };
          const counts = shareRecords(request);
          const seconds = interval / 1_000;
          const cap = Math.max(1, Math.floor((maxRatePerPartition ?? Infinity) * seconds));
          const budget = rate === undefined ? Infinity : Math.floor(rate * seconds);
          // Without floors nobody has one where there is less than one record for each.
          const turns = minRatePerPartition === undefined && budget < lags.filter((lag) => lag > 0).length;
          const floor = turns ? 0 : Math.max(1, Math.floor((minRatePerPartition ?? 0) * seconds));
          const most = lags.map((lag) => Math.min(lag, cap));
          const least = most.map((m) => (rate === undefined || rate > 0 ? Math.min(m, floor) : 0));
          for (const [i, count] of counts.entries()) {
            expect(Number.isSafeInteger(count)).toBe(true);
            expect(count).toBeLessThanOrEqual(most[i] ?? 0);
            expect(count).toBeGreaterThanOrEqual(least[i] ?? 0);
          }
          const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
          if (strategy === 'aligned')
            expect(sum(counts)).toBeLessThanOrEqual(Math.max(Math.min(budget, sum(most)), sum(least)));
          else expect(sum(counts)).toBe(rate === 0 ? 0 : Math.max(Math.min(budget, sum(most)), sum(least)));
        },
      ),
      propertySettings(),
    );
  });

  it('keeps a low rate over batches, to less than a record, and lets no partition with lag wait for longer than its turn', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 8 }),
        fc.double({ min: 0.01, max: 8, noNaN: true }),
        (waiting, rate) => {
          const lags = waiting.map((lag) => lag * 1_000);
          const open = lags.filter((lag) => lag > 0).length;
          const carry = new ShareCarry();
          const totals = lags.map(() => 0);
          const batches = Math.ceil((3 * open) / rate) + 1;
          for (let i = 0; i < batches; i++) {
            const counts = share(lags, rate, { owed: carry.owed, turn: carry.turn });
            carry.planned(rate, 1_000, counts);
            for (const [p, count] of counts.entries()) totals[p] = (totals[p] ?? 0) + count;
          }
          const given = totals.reduce((a, b) => a + b, 0);
          if (open > 0) expect(Math.abs(given - rate * batches)).toBeLessThan(1 + 1e-6);
          for (const [p, total] of totals.entries()) {
            if (lags[p] === 0) expect(total).toBe(0);
            else expect(total).toBeGreaterThanOrEqual(2);
          }
        },
      ),
      propertySettings(),
    );
  });
});
