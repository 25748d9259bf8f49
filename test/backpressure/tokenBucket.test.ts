import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TokenBucket } from '../../src/backpressure/tokenBucket.js';
import { propertySettings } from '../property/settings.js';

describe('TokenBucket', () => {
  it('begins full, and fills at its rate up to the burst', () => {
    const bucket = new TokenBucket(100, 2, 0);
    expect([bucket.take(0, 1), bucket.take(0, 1), bucket.take(0, 1)]).toEqual([true, true, false]);
    expect(bucket.wait(0, 1)).toBe(10);
    expect([bucket.take(9, 1), bucket.take(10, 1), bucket.take(10, 1)]).toEqual([false, true, false]);
    expect([bucket.take(9_000, 2), bucket.take(9_000, 1)]).toEqual([true, false]);
  });

  it('lets more than the burst pass when full, and is then in debt', () => {
    const bucket = new TokenBucket(100, 2, 0);
    expect(bucket.take(0, 12)).toBe(true);
    expect(bucket.wait(0, 1)).toBe(110);
    expect(bucket.wait(0, 50)).toBe(120);
  });

  it('gives as many whole tokens as are there, and none while in debt', () => {
    const bucket = new TokenBucket(100, 2.5, 0);
    expect([bucket.takeUpTo(0, 1), bucket.takeUpTo(0, 9), bucket.takeUpTo(5, 9)]).toEqual([1, 1, 1]);
    expect(bucket.take(9_000, 5)).toBe(true);
    expect([bucket.takeUpTo(9_000, 9), bucket.takeUpTo(9_035, 9)]).toEqual([0, 1]);
  });

  it('keeps what came in when its rate changes, within the new burst', () => {
    const bucket = new TokenBucket(100, 5, 0);
    bucket.take(0, 5);
    bucket.change(1_000, 4, 30);
    expect([bucket.takeUpTo(30, 9), bucket.takeUpTo(32, 9)]).toEqual([3, 2]);
    bucket.change(1, 1, 9_000);
    expect(bucket.takeUpTo(9_000, 9)).toBe(1);
  });

  it('counts a clock that goes back as no time', () => {
    const bucket = new TokenBucket(100, 1, 1_000);
    expect(bucket.take(1_000, 1)).toBe(true);
    expect(bucket.take(0, 1)).toBe(false);
    expect(bucket.take(1_005, 1)).toBe(false);
    expect(bucket.take(1_010, 1)).toBe(true);
  });

  it('never lets more pass than burst and rate allow, and what waits as told may pass', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 1e6, noNaN: true }),
        fc.double({ min: 0.5, max: 1e4, noNaN: true }),
        fc.array(fc.record({ pause: fc.integer({ min: 0, max: 2_000 }), count: fc.integer({ min: 1, max: 100 }) })),
        (rate, burst, requests) => {
          const bucket = new TokenBucket(rate, burst, 0);
          let now = 0;
          let before = 0;
          for (const { pause, count } of requests) {
            now += pause;
            const wait = bucket.wait(now, count);
            expect(Number.isSafeInteger(wait)).toBe(true);
            if (wait > 0) expect(bucket.take(now, count)).toBe(false);
            now += wait;
            // What passed before, with the tokens this request needs, came of the burst and of the time.
            const needed = before + Math.min(count, burst);
            expect(needed).toBeLessThanOrEqual((burst + (now * rate) / 1_000) * (1 + 1e-12) + 1.1e-6);
            expect(bucket.take(now, count)).toBe(true);
            before += count;
          }
        },
      ),
      propertySettings(),
    );
  });
});
