import {
  type Batch,
  type CheckpointSession,
  countByWindow,
  filterBatches,
  memoryCheckpoint,
  type WindowOptions,
  window,
} from 'dstream';
import { runBatches } from 'dstream/testing';
import fc from 'fast-check';
import { from, type Observable, type OperatorFunction } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { propertySettings } from '../property/settings.js';
import { feed, type TimedRecords } from './feed.js';

// What all operators over sliding windows share, seen through the simplest one.
const lasts = (options: WindowOptions) => () => window<string>({ id: 'w', ...options });

describe('operators over sliding windows', () => {
  describe('are due', () => {
    const batches = [107, 108, 109, 110].map((time): TimedRecords<string> => [time, [`${time}`]]);
    const due = (options: Partial<WindowOptions>) =>
      feed(batches, lasts({ window: 3, slide: 3, ...options }), { zeroTime: 106 }).map(([time]) => time);

    it('when the clock says, whenever the stream began', () => {
      expect(due({})).toEqual([108]);
      expect(due({ alignTo: 'epoch' })).toEqual([108]);
    });

    it('an offset later, of any sign and size', () => {
      expect(due({ offset: 1 })).toEqual([109]);
      expect(due({ offset: -1 })).toEqual([107, 110]);
      expect(due({ offset: 301 })).toEqual([109]);
      expect(due({ offset: -302 })).toEqual([109]);
    });

    it('a slide after the zero time, where that is asked for', () => {
      expect(due({ alignTo: 'zeroTime' })).toEqual([109]);
      expect(due({ alignTo: 'zeroTime', offset: 1 })).toEqual([107, 110]);
    });

    it('as in marbles', () => {
      runBatches(({ batches, expectBatches, expectSubscriptions }) => {
        const source = batches('     -abcdefg|');
        const subs = '               ^-------!';
        const expected = '           -x--y--z|';
        const values = { x: ['a'], y: ['b', 'c', 'd'], z: ['e', 'f', 'g'] };
        expectBatches(source.pipe(window({ window: 3, slide: 3, offset: -2 }))).toBe(expected, values);
        expectSubscriptions(source.subscriptions).toBe(subs);
      });
    });

    it('at midnight of a zone with half hours', () => {
      const hour = 3_600_000;
      const days = [12, 18.5, 19, 42.5].map((time): TimedRecords<string> => [time * hour, [`${time}`]]);
      const make = lasts({ window: 24 * hour, slide: 24 * hour, offset: -5.5 * hour });
      expect(feed(days, make, { interval: hour / 2, zeroTime: 11.5 * hour })).toEqual([
        [18.5 * hour, ['12', '18.5']],
        [42.5 * hour, ['19', '42.5']],
      ]);
    });

    it('at a multiple of the batch interval only', () => {
      const batch: TimedRecords<string>[] = [[110, ['a']]];
      expect(() => feed(batch, lasts({ window: 30, offset: 15 }), { interval: 10 })).toThrow(
        'window: offset (15) must be a multiple of the batch interval (10)',
      );
      expect(() => window({ window: 30, offset: 0.5 })).toThrow('window: offset (0.5) must be an integer');
      expect(() => window({ window: 30, alignTo: 'start' as never })).toThrow('alignTo ("start") must be one of');
    });
  });

  describe('of a checkpoint that was written before windows followed the clock', () => {
    // Zero time 106 and a slide of 3: results were due at 109, 112 and so on.
    const saved: readonly (readonly [number, unknown])[] = [[107, ['107']]];
    const rest = [108, 109, 110, 111, 112].map((time): TimedRecords<string> => [time, [`${time}`]]);
    const goOn = (options: Partial<WindowOptions>, restart: 'never' | 'at-each' = 'never') => {
      const checkpoint = memoryCheckpoint();
      const signature = 'window=3 slide=3';
      (checkpoint.open() as Observable<CheckpointSession>).subscribe((session) => {
        const change = { id: 'w', operator: 'window', signature, version: 0, set: saved, deleted: [] };
        const batch = { time: 107, zeroTime: 106, interval: 1, positions: {} };
        from(session.save({ ...batch, changes: [session.encode(change)] })).subscribe();
      });
      return feed(rest, lasts({ window: 3, slide: 3, ...options }), { zeroTime: 106, restart, checkpoint });
    };

    it('stay where they were', () => {
      const expected = [
        [109, ['107', '108', '109']],
        [112, ['110', '111', '112']],
      ];
      expect(goOn({})).toEqual(expected);
      expect(goOn({}, 'at-each')).toEqual(expected);
    });

    it('move where the program says so', () => {
      const expected = [
        [108, ['107', '108']],
        [111, ['109', '110', '111']],
      ];
      expect(goOn({ alignTo: 'epoch' })).toEqual(expected);
      expect(goOn({ offset: 0 }, 'at-each')).toEqual(expected);
    });
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
      fc.property(steps, length, length, fc.integer({ min: -9, max: 9 }), (drawn, windowLength, slide, offset) => {
        let time = 0;
        let record = 0;
        const batches = drawn.map(([step, count]): TimedRecords<number> => {
          time += step;
          return [time, Array.from({ length: count }, () => record++)];
        });
        const make = (): OperatorFunction<Batch<number>, Batch<number>> =>
          window({ window: windowLength, slide, offset, id: 'w' });
        const expected = recompute(batches, windowLength, slide, offset);
        expect(feed(batches, make)).toEqual(expected);
        expect(feed(batches, make, { restart: 'at-each' })).toEqual(expected);
      }),
      propertySettings(),
    );
  });
});

/** The windows by definition, from all batches. */
function recompute(
  batches: readonly TimedRecords<number>[],
  length: number,
  slide: number,
  offset: number,
): TimedRecords<number>[] {
  const slideAt = (time: number) => Math.ceil((time - offset) / slide) * slide + offset;
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
