import { dynamicInterval } from 'dstream';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BatchIntervals } from '../../src/driver/batchIntervals.js';
import { propertySettings } from '../property/settings.js';

it('has a batch at every multiple of the longest interval, and no gap, whatever batches take', () => {
  const took = fc.array(fc.double({ min: 0, max: 20_000, noNaN: true }), { minLength: 1, maxLength: 200 });
  const longest = fc.constantFrom(1_000, 1_200, 997, 64);
  fc.assert(
    fc.property(took, longest, fc.integer({ min: 1, max: 60 }), (times, maxInterval, minInterval) => {
      const intervals = new BatchIntervals(maxInterval, dynamicInterval({ minInterval, maxInterval }));
      intervals.start(undefined, 12_345);
      const start = intervals.nextTime - maxInterval;
      let before = start;
      const seen = new Set([start]);
      for (const processingTime of times) {
        const { time, interval } = intervals.take();
        expect(time - before).toBe(interval);
        expect(interval).toBeLessThanOrEqual(maxInterval);
        expect(time % maxInterval === 0 || time % intervals.current === 0).toBe(true);
        seen.add(time);
        before = time;
        intervals.completed(interval, processingTime);
        expect(maxInterval % intervals.current).toBe(0);
        expect(intervals.current).toBeGreaterThanOrEqual(minInterval);
      }
      for (let time = start; time <= before; time += maxInterval) expect(seen.has(time)).toBe(true);
    }),
    propertySettings(),
  );
});

it('ticks at every multiple of a fixed interval, and goes on after the last batch', () => {
  const intervals = new BatchIntervals(100, undefined);
  intervals.start(1_250, 5_000);
  expect(intervals.take()).toEqual({ time: 1_300, interval: 100 });
  expect(intervals.completed(100, 900)).toBe(false);
  expect(intervals.take()).toEqual({ time: 1_400, interval: 100 });
  expect(intervals.longest).toBeUndefined();
});
