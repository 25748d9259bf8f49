import { dynamicInterval, InvalidOptionError } from 'dstream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { propertySettings } from '../property/settings.js';

const bounds = { minInterval: 100, maxInterval: 60_000 };

/** Iterates on a stream whose batches cost `cost(interval)`. */
function iterate(cost: (interval: number) => number, steps: number, options = {}, start = 1_000): number {
  const next = dynamicInterval({ ...bounds, ...options });
  let previous: { interval: number; processingTime: number } | undefined;
  let last = { interval: start, processingTime: cost(start) };
  for (let i = 0; i < steps; i++) {
    const interval = next(last, previous);
    previous = last;
    last = { interval, processingTime: cost(interval) };
  }
  return last.interval;
}

describe('dynamicInterval', () => {
  it('comes to the interval whose batch takes its slack', () => {
    // 200 + 0.4 x = 0.8 x at 500.
    for (const start of [100, 1_000, 20_000]) {
      expect(Math.abs(iterate((x) => 200 + 0.4 * x, 60, {}, start) - 500)).toBeLessThanOrEqual(2);
    }
    // 200 + 0.4 x = 0.5 x at 2,000.
    expect(Math.abs(iterate((x) => 200 + 0.4 * x, 100, { slack: 0.5 }) - 2_000)).toBeLessThanOrEqual(5);
  });

  it('shrinks below the shorter of the last two when the cost is superlinear and over the slack', () => {
    const next = dynamicInterval(bounds);
    const short = { interval: 1_000, processingTime: 900 };
    const long = { interval: 2_000, processingTime: 3_000 };
    expect(next(long, short)).toBe(750);
    expect(next(short, long)).toBe(750);
    expect(dynamicInterval({ ...bounds, reduction: 0.5 })(long, short)).toBe(500);
  });

  it('goes by the last batch alone while the longer one is within its slack, or relatively cheaper', () => {
    const next = dynamicInterval(bounds);
    expect(next({ interval: 2_000, processingTime: 1_500 }, { interval: 1_000, processingTime: 100 })).toBe(1_875);
    expect(next({ interval: 2_000, processingTime: 2_000 }, { interval: 1_000, processingTime: 1_100 })).toBe(2_500);
    expect(next({ interval: 1_000, processingTime: 900 }, { interval: 1_000, processingTime: 100 })).toBe(1_125);
    expect(next({ interval: 1_000, processingTime: 400 })).toBe(500);
  });

  it('runs away from a linear cost above the slack as far as its bound, and comes back from a superlinear one', () => {
    expect(iterate((x) => 600 + 0.8 * x, 500)).toBe(60_000);
    expect(iterate((x) => 0.001 * x * x, 60)).toBeLessThanOrEqual(800);
  });

  it('gives whole milliseconds within its bounds, whatever it is told', () => {
    const sample = fc.record({
      interval: fc.integer({ min: 1, max: 100_000 }),
      processingTime: fc.double({ min: 0, max: 1e9, noNaN: true }),
    });
    const next = dynamicInterval(bounds);
    fc.assert(
      fc.property(sample, fc.option(sample, { nil: undefined }), (last, previous) => {
        const interval = next(last, previous);
        expect(Number.isSafeInteger(interval)).toBe(true);
        expect(interval).toBeGreaterThanOrEqual(bounds.minInterval);
        expect(interval).toBeLessThanOrEqual(bounds.maxInterval);
      }),
      propertySettings(),
    );
  });

  it.each([
    [{ ...bounds, minInterval: 0 }, 'dynamicInterval: minInterval (0)'],
    [{ ...bounds, maxInterval: 50 }, 'dynamicInterval: maxInterval (50) must be at least minInterval (100)'],
    [{ ...bounds, slack: 1 }, 'dynamicInterval: slack (1) must be less than 1'],
    [{ ...bounds, reduction: 0 }, 'dynamicInterval: reduction (0)'],
  ])('refuses %j', (options, message) => {
    expect(() => dynamicInterval(options)).toThrow(InvalidOptionError);
    expect(() => dynamicInterval(options)).toThrow(message);
  });
});
