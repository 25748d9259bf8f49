import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReadingPace } from '../../../src/sources/log/readingPace.js';
import { propertySettings } from '../../property/settings.js';

/** Reads a backlog without end at a given pace (records a ms). Returns what each tick planned, and what was unread then. */
function readBacklog(interval: number, pace: number, ticks: number) {
  const own = new ReadingPace();
  const waiting: { left: number; readonly size: number }[] = [];
  return Array.from({ length: ticks }, () => {
    const ahead = waiting.reduce((sum, { left }) => sum + left, 0);
    const planned = own.maxRecords(interval, 100, ahead);
    waiting.push({ left: planned, size: planned });
    let readable = interval * pace;
    for (let batch = waiting[0]; batch && readable > 0; batch = waiting[0]) {
      const read = Math.min(batch.left, readable);
      batch.left -= read;
      readable -= read;
      if (batch.left > 0) break;
      own.measure(batch.size, batch.size / pace);
      waiting.shift();
    }
    return { planned, ahead };
  });
}

describe('the pace of reading', () => {
  it('lets a batch have what is read in an interval, whatever the pace is, and plans but one ahead', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 20, max: 2_000 }),
        fc.double({ min: 50, max: 5_000, noNaN: true }),
        (interval, pace) => {
          const usual = interval * pace;
          const steady = readBacklog(interval, pace, 100).slice(60);
          // Below that batches are as small as they get.
          fc.pre(usual > 65_536 / 2);
          for (const { planned, ahead } of steady) {
            expect(planned).toBeLessThanOrEqual(usual * 1.2);
            expect(ahead).toBeLessThanOrEqual(usual * 2);
          }
          const mean = steady.reduce((sum, { planned }) => sum + planned, 0) / steady.length;
          expect(mean / usual).toBeGreaterThan(0.95);
        },
      ),
      propertySettings(300),
    );
  });

  it('is bounded by bytes before anything is known', () => {
    expect(new ReadingPace().maxRecords(100, 100, 0)).toBe(Math.floor(65_536 * 1.1));
    expect(new ReadingPace().maxRecords(100, 1_048_576, 0)).toBe(17);
    expect(new ReadingPace().maxRecords(100, 100_000_000, 0)).toBe(1);
  });

  it('rises by steps and falls by halves, so that one odd batch changes little', () => {
    const pace = new ReadingPace();
    const first = pace.maxRecords(100, 100, 0);
    pace.measure(first, 0);
    expect(pace.maxRecords(100, 100, 0) / first).toBeCloseTo(4, 2);
    pace.measure(first, 1e9);
    expect(pace.maxRecords(100, 100, 0) / first).toBeCloseTo(2, 2);
    pace.measure(100, 1e9);
    expect(pace.maxRecords(100, 100, 0) / first).toBeCloseTo(2, 2);
  });

  it('leaves three quarters to batches that wait for their outputs', () => {
    const pace = new ReadingPace();
    const usual = pace.maxRecords(100, 100, 0) / 1.1;
    expect(pace.maxRecords(100, 100, 1e9) / usual).toBeCloseTo(0.75, 2);
  });
});
