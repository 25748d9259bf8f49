import {
  type Batch,
  countByValueAndWindow,
  countByWindow,
  groupByKeyAndWindow,
  type Pair,
  reduceByKeyAndWindow,
  reduceByWindow,
  window,
} from 'dstream';
import { runBatches } from 'dstream/testing';
import fc from 'fast-check';
import type { OperatorFunction } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { propertySettings } from '../property/settings.js';
import { pairs } from '../support/pairs.js';
import { standingCases } from './standing.js';

const sum = (a: number, b: number) => a + b;
const difference = (a: number, b: number) => a - b;

standingCases('window', { records: [1], make: () => window<number>({ window: 2 }) });
standingCases('reduceByWindow', {
  records: [1, 2],
  make: () => reduceByWindow(sum, { window: 2 }),
  throwing: (boom) => reduceByWindow<number>(boom, { window: 2 }),
});
standingCases('reduceByKeyAndWindow', {
  records: [['a', 1] as Pair<string, number>, ['a', 2] as Pair<string, number>],
  make: () => reduceByKeyAndWindow<string, number>(sum, { window: 2 }),
  throwing: (boom) => reduceByKeyAndWindow<string, number>(boom, { window: 2 }),
});

/** Runs batches of the given records, one a tick, and gives what comes out with the time. */
function run<T, R>(batches: readonly (readonly T[])[], operator: OperatorFunction<Batch<T>, Batch<R>>) {
  const letters = batches.map((_, i) => String.fromCodePoint(0x100 + i));
  const results: [time: number, records: readonly R[]][] = [];
  const errors: string[] = [];
  runBatches((helpers) => {
    const values = Object.fromEntries(letters.map((letter, i) => [letter, batches[i] ?? []]));
    helpers
      .batches<T>(`-${letters.join('')}|`, values)
      .pipe(operator)
      .subscribe({
        next: ({ records, context }) => results.push([context.time, records]),
        error: (error: Error) => errors.push(error.message),
      });
    helpers.flush();
  });
  return { results, errors };
}

describe('window', () => {
  it('has the batches of the last window ms at each slide, and none when the source ends between two', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches(' -abcde|');
      const subs = '           ^-----!';
      const expected = '       --x-y-|';
      const result = source.pipe(window({ window: 3, slide: 2 }));
      expectBatches(result).toBe(expected, { x: ['a', 'b'], y: ['b', 'c', 'd'] });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('unsubscribes from the source when it is unsubscribed between two slides', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches(' -abcde|');
      const subs = '           ^--!';
      const unsub = '          ---!';
      const expected = '       --x-';
      const result = source.pipe(window({ window: 2, slide: 2 }));
      expectBatches(result, unsub).toBe(expected, { x: ['a', 'b'] });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('gives partial windows first, the first one after one slide', () => {
    const { results } = run([['a'], ['b'], ['c'], ['d'], ['e'], ['f']], window({ window: 4, slide: 2 }));
    expect(results).toEqual([
      [2, ['a', 'b']],
      [4, ['a', 'b', 'c', 'd']],
      [6, ['c', 'd', 'e', 'f']],
    ]);
  });

  it('leaves out what lies between two windows when the slide is longer', () => {
    const { results } = run([['a'], ['b'], ['c'], ['d'], ['e'], ['f']], window({ window: 1, slide: 3 }));
    expect(results).toEqual([
      [3, ['c']],
      [6, ['f']],
    ]);
  });

  it('claims the batches between two slides, so that they complete', () => {
    runBatches(({ batches, completions, flush }) => {
      batches('-abc|')
        .pipe(window({ window: 2, slide: 2 }))
        .subscribe();
      flush();
      expect(completions.map(({ time }) => time)).toEqual([1, 2, 3]);
    });
  });

  it('refuses lengths that are no multiples of the interval, naming both values', () => {
    const messages: string[] = [];
    const attempt = (options: { window: number; slide?: number }) =>
      runBatches(
        ({ batches, flush }) => {
          batches('----------a|')
            .pipe(window(options))
            .subscribe({ error: (error: Error) => messages.push(error.message) });
          flush();
        },
        { interval: 10 },
      );
    attempt({ window: 25 });
    attempt({ window: 20, slide: 15 });
    expect(messages).toEqual([
      'window: window (25) must be a multiple of the batch interval (10)',
      'window: slide (15) must be a multiple of the batch interval (10)',
    ]);
    expect(() => window({ window: 0 })).toThrow('window: window (0) must be a positive integer');
    expect(() => window({ window: 1, slide: -1 })).toThrow('slide (-1)');
  });
});

describe('reduceByWindow', () => {
  it('subtracts the batch that leaves the window', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches<number>(' -abcd|', { a: [1], b: [2], c: [3], d: [4] });
      const subs = '                   ^----!';
      const expected = '               -wxyz|';
      const result = source.pipe(reduceByWindow(sum, { inverse: difference, window: 2 }));
      expectBatches(result).toBe(expected, { w: [1], x: [3], y: [5], z: [7] });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('reduces in the order of the records, and gives an empty batch for a window without records', () => {
    const { results } = run(
      [['a', 'b'], ['c'], [], []],
      reduceByWindow((a, b) => a + b, { window: 2 }),
    );
    expect(results).toEqual([
      [1, ['ab']],
      [2, ['abc']],
      [3, ['c']],
      [4, []],
    ]);
  });
});

describe('reduceByKeyAndWindow', () => {
  it('has a key from its first batch in the window to its last', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches(' -abc-|', { a: pairs('x1 y2'), b: pairs('x3'), c: [] });
      const subs = '           ^----!';
      const expected = '       -lmn-|';
      const result = source.pipe(reduceByKeyAndWindow(sum, { inverse: difference, window: 2 }));
      expectBatches(result).toBe(expected, { l: pairs('x1 y2'), m: pairs('x4 y2'), n: pairs('x3') });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  const given: Pair<string, number>[][] = [
    [
      ['a', 1],
      ['b', 2],
    ],
    [['a', 3]],
    [],
    [],
  ];

  it.each([{}, { inverse: difference }])('lets a key go with the last batch that had it (%j)', (options) => {
    const { results } = run(given, reduceByKeyAndWindow(sum, { window: 2, ...options }));
    expect(results).toEqual([
      [
        1,
        [
          ['a', 1],
          ['b', 2],
        ],
      ],
      [
        2,
        [
          ['a', 4],
          ['b', 2],
        ],
      ],
      [3, [['a', 3]]],
      [4, []],
    ]);
  });

  it('emits only changes when told to, and a key that left once with undefined', () => {
    const { results } = run(given, reduceByKeyAndWindow(sum, { window: 2, emit: 'changes' }));
    expect(results).toEqual([
      [
        1,
        [
          ['a', 1],
          ['b', 2],
        ],
      ],
      [2, [['a', 4]]],
      [
        3,
        [
          ['a', 3],
          ['b', undefined],
        ],
      ],
      [4, [['a', undefined]]],
    ]);
  });

  it('says once that a key left by the filter, and nothing of one that the filter never let in', () => {
    const filter = ([, value]: Pair<string, number>) => value > 1;
    const small = [1, 1, 5, -5, 1].map((value): Pair<string, number>[] => [['a', value]]);
    const { results } = run(small, reduceByKeyAndWindow(sum, { window: 1, emit: 'changes', filter }));
    expect(results).toEqual([
      [1, []],
      [2, []],
      [3, [['a', 5]]],
      [4, [['a', undefined]]],
      [5, []],
    ]);
  });

  it('drops keys by a filter', () => {
    const filter = ([, value]: Pair<string, number>) => value > 1;
    const { results } = run(given, reduceByKeyAndWindow(sum, { inverse: difference, window: 3, filter }));
    expect(results).toEqual([
      [1, [['b', 2]]],
      [
        2,
        [
          ['b', 2],
          ['a', 3],
        ],
      ],
      [
        3,
        [
          ['b', 2],
          ['a', 3],
        ],
      ],
      [4, [['a', 3]]],
    ]);
  });

  it('equals recomputation for random batches, windows and slides, with and without an inverse', () => {
    const batch = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.integer({ min: -9, max: 9 })), { maxLength: 4 });
    const lengths = fc.integer({ min: 1, max: 6 });
    fc.assert(
      fc.property(
        fc.array(batch, { maxLength: 14 }),
        lengths,
        lengths,
        fc.boolean(),
        (drawn, length, slide, withInverse) => {
          const options = { window: length, slide, ...(withInverse && { inverse: difference }) };
          const { results, errors } = run(drawn, reduceByKeyAndWindow<string, number>(sum, options));
          expect(errors).toEqual([]);
          const due = drawn.map((_, i) => i + 1).filter((time) => time % slide === 0);
          expect(results.map(([time]) => time)).toEqual(due);
          for (const [time, records] of results) {
            const expected = new Map<string, number>();
            for (const [key, value] of drawn.slice(Math.max(time - length, 0), time).flat()) {
              expected.set(key, (expected.get(key) ?? 0) + value);
            }
            expect(new Map(records)).toEqual(expected);
          }
        },
      ),
      propertySettings(),
    );
  });

  it('takes pairs only, and an inverse of the same type', () => {
    const types = () => {
      // @ts-expect-error the inverse is of another type
      reduceByKeyAndWindow<string, number>(sum, { window: 1, inverse: (a: string, b: string) => a + b });
      // @ts-expect-error a key cannot be an object
      reduceByKeyAndWindow<object, number>(sum, { window: 1 });
    };
    expect(types).toBeTypeOf('function');
    expect(() => reduceByKeyAndWindow(sum, { window: 1, emit: 'some' as never })).toThrow('emit ("some")');
  });
});

describe('countByWindow', () => {
  it('counts by batch time: an interval without a batch moves the window on', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches<number>(' -ab-c|', { a: [1, 2], b: [3], c: [4] });
      const subs = '                   ^----!';
      const expected = '               -xy-z|';
      const result = source.pipe(countByWindow({ window: 2 }));
      expectBatches(result).toBe(expected, { x: [2], y: [3], z: [1] });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });
});

describe('countByValueAndWindow', () => {
  it('counts each value, and drops one that has left the window', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches(' -abc-|', { a: [...'xxy'], b: [...'x'], c: [] });
      const subs = '           ^----!';
      const expected = '       -lmn-|';
      const result = source.pipe(countByValueAndWindow({ window: 2 }));
      expectBatches(result).toBe(expected, { l: pairs('x2 y1'), m: pairs('x3 y1'), n: pairs('x1') });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });
});

describe('groupByKeyAndWindow', () => {
  it('has the values of a key in the order in which they came', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches(' -abc-|', { a: pairs('x1 y2'), b: pairs('x3'), c: [] });
      const subs = '           ^----!';
      const expected = '       -lmn-|';
      const result = source.pipe(groupByKeyAndWindow({ window: 2 }));
      expectBatches(result).toBe(expected, {
        l: [
          ['x', [1]],
          ['y', [2]],
        ],
        m: [
          ['x', [1, 3]],
          ['y', [2]],
        ],
        n: [['x', [3]]],
      });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });
});
