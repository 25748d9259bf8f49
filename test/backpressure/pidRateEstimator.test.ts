import { InvalidOptionError, pid, pidRateEstimator } from 'dstream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { propertySettings } from '../property/settings.js';

interface Update {
  readonly time: number;
  readonly elements: number;
  readonly processing: number;
  readonly scheduling: number;
}

/** Written from the formula alone, with other names and another shape, as a second opinion. */
function oracle(B: number, P: number, I: number, D: number, min: number, updates: readonly Update[]) {
  let state: { t: number; r: number; e: number } | undefined;
  return updates.map(({ time: t, elements: n, processing: p, scheduling: s }) => {
    if (!(t > (state?.t ?? -1)) || n <= 0 || p <= 0) return undefined;
    const rate = (n / p) * 1_000;
    if (!state) {
      state = { t, r: rate, e: 0 };
      return undefined;
    }
    const e = state.r - rate;
    const r = Math.max(state.r - P * e - I * ((s * rate) / B) - D * ((e - state.e) / ((t - state.t) / 1_000)), min);
    state = { t, r, e };
    return r;
  });
}

describe('pidRateEstimator', () => {
  it('equals an independent oracle to the bit on random sequences', () => {
    const update = fc.record({
      time: fc.integer({ min: -5, max: 100_000 }),
      elements: fc.integer({ min: -1, max: 1_000_000 }),
      processing: fc.integer({ min: -1, max: 10_000 }),
      scheduling: fc.integer({ min: 0, max: 10_000 }),
    });
    const gain = fc.double({ min: 0, max: 5, noNaN: true });
    const settings = propertySettings(10_000);
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5_000 }),
        gain,
        gain,
        gain,
        fc.double({ min: 1, max: 500, noNaN: true }),
        fc.array(update, { maxLength: 20 }),
        (batchInterval, proportional, integral, derivative, minRate, updates) => {
          const estimator = pidRateEstimator({ batchInterval, proportional, integral, derivative, minRate });
          const estimates = updates.map((u) => estimator.compute(u.time, u.elements, u.processing, u.scheduling));
          const expected = oracle(batchInterval, proportional, integral, derivative, minRate, updates);
          for (const [i, estimate] of estimates.entries()) expect(Object.is(estimate, expected[i])).toBe(true);
        },
      ),
      settings,
    );
  });

  it('gives no estimate at first, for empty batches, for no time, and for what is not newer', () => {
    const estimator = pidRateEstimator({ batchInterval: 10 });
    expect(estimator.compute(0, 0, 100, 0)).toBeUndefined();
    expect(estimator.compute(0, 10, 0, 0)).toBeUndefined();
    expect(estimator.compute(0, 10, 100, 0)).toBeUndefined();
    expect(estimator.compute(0, 10, 100, 0)).toBeUndefined();
    expect(estimator.compute(1, 10, 100, 0)).toBe(100);
  });

  it('follows the processing rate when nothing waits, and never falls below the floor', () => {
    const estimator = pidRateEstimator({ batchInterval: 20, minRate: 10 });
    estimator.compute(0, 1_000, 1_000, 0);
    expect(estimator.compute(1, 1_000, 500, 0)).toBe(2_000);
    expect(estimator.compute(2, 1_000, 10_000_000, 1_000)).toBe(10);
  });

  it.each([
    [{ batchInterval: 0 }, 'pidRateEstimator: batchInterval (0)'],
    [{ batchInterval: 10, proportional: -1 }, 'pidRateEstimator: proportional (-1)'],
    [{ batchInterval: 10, integral: Number.NaN }, 'pidRateEstimator: integral (NaN)'],
    [{ batchInterval: 10, derivative: -0.1 }, 'pidRateEstimator: derivative (-0.1)'],
    [{ batchInterval: 10, minRate: 0 }, 'pidRateEstimator: minRate (0)'],
  ])('refuses %j', (options, message) => {
    expect(() => pidRateEstimator(options)).toThrow(InvalidOptionError);
    expect(() => pidRateEstimator(options)).toThrow(message);
  });
});

describe('pid', () => {
  it('truncates, keeps its rate when there is no estimate, and has none before the first', () => {
    const controller = pid()({ interval: 1_000, initialRate: 1, source: 's' });
    const completed = (processingEndTime: number, records: number, processingDelay: number) =>
      controller.completed({ processingEndTime, processingDelay, schedulingDelay: 0, saveDelay: 0 } as never, records);
    const formation = { time: 0, now: 0, inFlight: [], lag: 0 };
    expect(controller.rate(formation)).toBeUndefined();
    completed(1, 1_000, 700);
    expect(controller.rate(formation)).toBeUndefined();
    completed(2, 1_000, 700);
    expect(controller.rate(formation)).toBe(1_428);
    completed(3, 0, 700);
    expect(controller.rate(formation)).toBe(1_428);
  });

  it('takes the batch interval from the stream', () => {
    const rates = [1_000, 2_000].map((interval) => {
      const controller = pid()({ interval, initialRate: 1, source: 's' });
      for (const processingEndTime of [1, 2]) {
        controller.completed(
          { processingEndTime, processingDelay: 1_000, schedulingDelay: 500, saveDelay: 0 } as never,
          1_000,
        );
      }
      return controller.rate({ time: 0, now: 0, inFlight: [], lag: 0 });
    });
    // rate * (1 - 0.2 * 500 / interval)
    expect(rates).toEqual([900, 950]);
  });

  it('refuses gains out of range when it is called', () => {
    expect(() => pid({ minRate: -1 })).toThrow('minRate (-1)');
  });
});
