import { type Batch, countByWindow, filterBatches, type WindowOptions, window } from 'dstream';
import { runBatches } from 'dstream/testing';
import fc from 'fast-check';
import type { OperatorFunction } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { propertySettings } from '../property/settings.js';
import { feed, type TimedRecords } from './feed.js';

// What all operators over sliding windows share, seen through the simplest one.
const lasts = (options: WindowOptions) => () => window<string>({ id: 'w', ...options });

describe('operators over sliding windows', () => {
  it('count slides from zero time, not from the first batch', () => {
    const batches: TimedRecords<string>[] = [
      [107, ['a']],
      [108, ['b']],
      [109, ['c']],
      [110, ['d']],
    ];
    expect(feed(batches, lasts({ window: 3, slide: 3 }), { zeroTime: 100 })).toEqual([[109, ['a', 'b', 'c']]]);
  });

  it('give a result that was jumped over with the next batch, when no later window has its records', () => {
    const batches: TimedRecords<string>[] = [
      [1, ['a']],
      [3, ['b']],
      [4, ['c']],
      [7, ['d']],
      [8, ['e']],
    ];
    expect(feed(batches, lasts({ window: 2, slide: 2 }))).toEqual([
      [3, ['a']],
      [4, ['b', 'c']],
      [8, ['d', 'e']],
    ]);
  });

  it('give a result that was jumped over before their own, in the same batch', () => {
    const batches: TimedRecords<string>[] = [
      [1, ['a']],
      [6, ['b']],
      [10, ['c']],
    ];
    const counts = () => countByWindow<string>({ window: 2, slide: 2, id: 'c' });
    expect(feed(batches, counts)).toEqual([
      [6, [1, 1]],
      [10, [1]],
    ]);
  });

  it('give nothing extra when a later window has the records', () => {
    const batches: TimedRecords<string>[] = [
      [1, ['a']],
      [3, ['b']],
      [4, ['c']],
    ];
    expect(feed(batches, lasts({ window: 4, slide: 2 }))).toEqual([[4, ['a', 'b', 'c']]]);
  });

  it('lose nothing when batches are filtered out before', () => {
    runBatches(({ batches, expectBatches }) => {
      const source = batches('     -abcdef|', { a: ['x'], b: [], c: ['y'], d: [], e: ['z'], f: ['z'] });
      const expected = '           ---c-ef|';
      const busy = filterBatches<string>((records) => records.length > 0);
      const values = { c: ['x'], e: ['y'], f: ['z', 'z'] };
      expectBatches(source.pipe(busy, window({ window: 2, slide: 2 }))).toBe(expected, values);
    });
  });

  it('leave out what lies between two windows, and do not keep it', () => {
    const batches = [1, 2, 3, 4, 5, 6].map((time): TimedRecords<string> => [time, [`${time}`]]);
    const expected = [
      [3, ['2', '3']],
      [6, ['5', '6']],
    ];
    expect(feed(batches, lasts({ window: 2, slide: 3 }))).toEqual(expected);
    expect(feed(batches, lasts({ window: 2, slide: 3 }), { restart: 'at-each' })).toEqual(expected);
  });

  it('equal recomputation, also after jumps and restarts', () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 0, max: 2 })), { maxLength: 20 });
    const length = fc.integer({ min: 1, max: 6 });
    fc.assert(
      fc.property(steps, length, length, (drawn, windowLength, slide) => {
        let time = 0;
        let record = 0;
        const batches = drawn.map(([step, count]): TimedRecords<number> => {
          time += step;
          return [time, Array.from({ length: count }, () => record++)];
        });
        const make = (): OperatorFunction<Batch<number>, Batch<number>> =>
          window({ window: windowLength, slide, id: 'w' });
        const expected = recompute(batches, windowLength, slide);
        expect(feed(batches, make)).toEqual(expected);
        expect(feed(batches, make, { restart: 'at-each' })).toEqual(expected);
      }),
      propertySettings(),
    );
  });
});

/** The windows by definition, from all batches. */
function recompute(batches: readonly TimedRecords<number>[], length: number, slide: number): TimedRecords<number>[] {
  const slideAt = (time: number) => Math.ceil(time / slide) * slide;
  let reported = 0;
  const windowAt = (end: number) => {
    reported = end;
    return batches.filter(([time]) => time > end - length && time <= end).flatMap(([, records]) => records);
  };
  return batches.flatMap(([time]): TimedRecords<number>[] => {
    const results: (readonly number[])[] = [];
    // One that was jumped over is given when it has records that no later one has.
    for (const [at, { length: count }] of batches) {
      const belongs = count > 0 && at < time && at > reported && at > slideAt(at) - length;
      if (belongs && at <= slideAt(time) - length) results.push(windowAt(slideAt(at)));
    }
    if (time === slideAt(time)) results.push(windowAt(time));
    return results.length > 0 ? [[time, results.flat()]] : [];
  });
}
