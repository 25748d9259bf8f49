import { type Batch, countDistinctByWindow, foreachBatch, fromBatches, type Key, memoryCheckpoint } from 'dstream';
import { runBatches } from 'dstream/testing';
import fc from 'fast-check';
import { type Observable, type OperatorFunction, retry } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { propertySettings } from '../property/settings.js';
import { virtual } from '../support/virtual.js';
import { feed, type TimedRecords } from './feed.js';
import { standingCases } from './standing.js';

standingCases('countDistinctByWindow', {
  records: ['a', 'b'],
  make: () => countDistinctByWindow<string>({ window: 2 }),
  fromEmpty: [0],
});

describe('countDistinctByWindow', () => {
  it('counts a record once while any batch of the window has it', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches(' -abc-|', { a: [...'xxy'], b: [...'xz'], c: [] });
      const subs = '           ^----!';
      const expected = '       -lmn-|';
      const result = source.pipe(countDistinctByWindow({ window: 2 }));
      expectBatches(result).toBe(expected, { l: [2], m: [3], n: [2] });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('counts a record once, and until the last batch that has it leaves', () => {
    runBatches(({ batches, expectBatches }) => {
      const source = batches('-abcde|', { a: ['x', 'x', 'y'], b: ['x'], c: [], d: ['z'], e: [] });
      expectBatches(source.pipe(countDistinctByWindow({ window: 2 }))).toBe('-abcde|', {
        a: [2],
        b: [2],
        c: [1],
        d: [1],
        e: [1],
      });
    });
  });

  it('slides, and tells keys of different types apart', () => {
    runBatches(({ batches, expectBatches }) => {
      const source = batches<Key>('-abcd|', { a: [1, '1'], b: [1n, true, null], c: [null, 'null'], d: [0, -0] });
      const expected = '           --b-d|';
      expectBatches(source.pipe(countDistinctByWindow({ window: 3, slide: 2 }))).toBe(expected, { b: [5], d: [5] });
    });
  });

  it('equals a set of the records of the window, also after jumps and restarts', () => {
    const steps = fc.array(
      fc.tuple(fc.integer({ min: 1, max: 4 }), fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 4 })),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 6 }), (drawn, window) => {
        let time = 0;
        const batches = drawn.map(([step, records]): TimedRecords<string> => {
          time += step;
          return [time, records];
        });
        const make = (): OperatorFunction<Batch<string>, Batch<number>> => countDistinctByWindow({ window, id: 'd' });
        const expected = batches.map(([end]): TimedRecords<number> => {
          const inWindow = batches.filter(([at]) => at > end - window && at <= end);
          return [end, [new Set(inWindow.flatMap(([, records]) => records)).size]];
        });
        expect(feed(batches, make)).toEqual(expected);
        expect(feed(batches, make, { restart: 'at-each' })).toEqual(expected);
      }),
      propertySettings(),
    );
  });

  it('gives after a crash of a running stream what it gives without', () => {
    const run = (crashAt: number) => {
      let crashes = 1;
      const seen: unknown[] = [];
      virtual(() => {
        const words = ['ab', 'a', 'bc', '', 'c'].map((text) => [...text]);
        fromBatches(words, { interval: 10, checkpoint: memoryCheckpoint() })
          .pipe(
            countDistinctByWindow({ window: 30, slide: 10, id: 'd' }),
            foreachBatch((counts, { time }) => {
              if (time === crashAt && crashes-- > 0) throw new Error('crash');
              seen.push([time, counts]);
            }),
            retry(1),
          )
          .subscribe();
      });
      return seen;
    };
    const expected = run(0);
    expect(expected).toEqual([
      [10, [2]],
      [20, [2]],
      [30, [3]],
      [40, [3]],
      [50, [2]],
    ]);
    for (const crashAt of [10, 20, 30, 40, 50]) expect(run(crashAt)).toEqual(expected);
  });

  it('refuses what it cannot use', () => {
    expect(() => countDistinctByWindow({ window: 0 })).toThrow('countDistinctByWindow: window (0)');
    for (const record of [{}, undefined, Symbol('s')]) {
      const messages: string[] = [];
      runBatches(({ batches }) => {
        batches<unknown>('-a|', { a: [record] })
          .pipe(countDistinctByWindow({ window: 1 }) as never)
          .subscribe({ error: ({ message }: Error) => messages.push(message) });
      });
      expect(messages[0]).toMatch(/^countDistinctByWindow: record .* has a key that is no string, number/);
    }
  });

  it('takes keys only', () => {
    const types = (words: Observable<Batch<string>>, users: Observable<Batch<{ id: number }>>) => {
      const counts: Observable<Batch<number>> = words.pipe(countDistinctByWindow({ window: 10 }));
      // @ts-expect-error objects are compared by identity
      users.pipe(countDistinctByWindow({ window: 10 }));
      // @ts-expect-error a window has a length
      words.pipe(countDistinctByWindow({ slide: 10 }));
      return counts;
    };
    expect(types).toBeTypeOf('function');
  });
});
