import { deduplicate, type ForgottenIds, foreachBatch, fromBatches, memoryCheckpoint } from 'dstream';
import { runBatches } from 'dstream/testing';
import { retry } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { virtual } from '../support/virtual.js';
import { standingCases } from './standing.js';

standingCases('deduplicate', {
  records: ['a', 'a'],
  make: () => deduplicate<string>((word) => word, { window: 3 }),
  throwing: (boom) => deduplicate<string>(() => boom(), { window: 3 }),
});

describe('deduplicate', () => {
  it('lets an id pass again when the window has passed', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches(' -abcd|', { a: [...'xx'], b: [...'xy'], c: [...'x'], d: [...'xy'] });
      const subs = '           ^----!';
      const expected = '       -lmno|';
      const result = source.pipe(deduplicate((id) => id, { window: 2 }));
      expectBatches(result).toBe(expected, { l: ['x'], m: ['y'], n: ['x'], o: ['y'] });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('lets the first of an id pass within the window, which begins when it was first seen', () => {
    runBatches(({ batches, expectBatches }) => {
      const source = batches('-abcde|', { a: ['x', 'x', 'y'], b: ['x'], c: ['x'], d: ['x', 'y'], e: ['z'] });
      const unique = source.pipe(deduplicate((word) => word, { window: 3 }));
      expectBatches(unique).toBe('-abcde|', { a: ['x', 'y'], b: [], c: [], d: ['x', 'y'], e: ['z'] });
    });
  });

  it('tells ids of different types apart, and refuses objects', () => {
    runBatches(({ batches, expectBatches }) => {
      const source = batches<string | number | null>('-a|', { a: [1, '1', null, 'null', 1, null] });
      expectBatches(source.pipe(deduplicate((id) => id, { window: 1 }))).toBe('-a|', { a: [1, '1', null, 'null'] });
    });
    const errors: string[] = [];
    runBatches(({ batches, flush }) => {
      batches('-a|')
        .pipe(deduplicate(() => ({}) as never, { window: 1 }))
        .subscribe({ error: (error: Error) => errors.push(error.message) });
      flush();
    });
    expect(errors[0]).toContain('deduplicate: record [{},"a"] has a key that is no string');
  });

  it('forgets the least recently seen beyond its bound, and tells how many', () => {
    const forgotten: ForgottenIds[] = [];
    runBatches(({ batches, expectBatches }) => {
      const source = batches('-ab|', { a: ['x', 'y', 'x', 'z'], b: ['x', 'y'] });
      const bounded = deduplicate<string>((word) => word, {
        window: 9,
        maxIds: 2,
        overflowObserver: { next: (ids) => forgotten.push(ids) },
      });
      expectBatches(source.pipe(bounded)).toBe('-ab|', { a: ['x', 'y', 'z'], b: ['y'] });
    });
    expect(forgotten).toEqual([
      { time: 1, ids: 1 },
      { time: 2, ids: 1 },
    ]);
  });

  it('gives after a crash what it gives without', () => {
    const run = (crashAt: readonly number[]) => {
      const left = new Set(crashAt);
      const seen: unknown[] = [];
      virtual(() => {
        fromBatches(
          ['ab', 'ac', 'bd', 'a', 'cab'].map((text) => [...text]),
          { interval: 10, checkpoint: memoryCheckpoint() },
        )
          .pipe(
            deduplicate((letter) => letter, { window: 30, id: 'seen' }),
            foreachBatch((records, { time }) => {
              if (left.delete(time)) throw new Error('crash');
              seen.push([time, records]);
            }),
            retry(),
          )
          .subscribe();
      });
      return seen;
    };
    for (const crashAt of [[10], [30], [10, 20, 30, 40, 50]]) expect(run(crashAt)).toEqual(run([]));
  });

  it('refuses options out of range', () => {
    expect(() => deduplicate((id: string) => id, { window: 0 })).toThrow('deduplicate: window (0)');
    expect(() => deduplicate((id: string) => id, { window: 1, maxIds: 0 })).toThrow('deduplicate: maxIds (0)');
  });
});
