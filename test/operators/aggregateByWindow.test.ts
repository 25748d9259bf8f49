import {
  type Aggregator,
  aggregateByKeyAndWindow,
  aggregateByWindow,
  type Batch,
  fromBatches,
  type InvertibleAggregator,
  type Pair,
} from 'dstream';
import { count, max, mean, min, set, sum, topN, variance } from 'dstream/aggregators';
import { runBatches } from 'dstream/testing';
import type { OperatorFunction } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { pairs } from '../support/pairs.js';
import { feed, type TimedRecords } from './feed.js';
import { standingCases } from './standing.js';

const plain: InvertibleAggregator<number, number, number> = {
  identity: 0,
  lift: (input) => input,
  combine: (older, newer) => older + newer,
  invert: (value, older) => value - older,
  lower: (partial) => partial,
};

standingCases('aggregateByWindow', {
  records: [1, 2],
  make: () => aggregateByWindow(sum(), { window: 2 }),
  throwing: (boom) => aggregateByWindow({ ...max<number>(), combine: boom }, { window: 2 }),
  fromEmpty: [0],
});
standingCases('aggregateByKeyAndWindow', {
  records: [['a', 1] as Pair<string, number>, ['a', 2] as Pair<string, number>],
  make: () => aggregateByKeyAndWindow(sum(), { window: 2 }),
  throwing: (boom) => aggregateByKeyAndWindow({ ...max<number>(), lower: boom }, { window: 2 }),
});

const timed = <T>(batches: readonly (readonly T[])[]): TimedRecords<T>[] =>
  batches.map((records, i) => [i + 1, records]);

/** What was called with what, in order. */
function traced(aggregator: InvertibleAggregator<string, string, string>) {
  const calls: string[] = [];
  const note =
    (sign: string, call: (a: string, b: string) => string) =>
    (a: string, b: string): string => {
      calls.push(`${a}${sign}${b}`);
      return call(a, b);
    };
  const { combine, invert } = aggregator;
  return { calls, aggregator: { ...aggregator, combine: note('+', combine), invert: note('-', invert) } };
}

const concat: InvertibleAggregator<string, string, string> = {
  identity: '',
  lift: (input) => input,
  combine: (older, newer) => older + newer,
  invert: (value, older) => value.slice(older.length),
  exact: true,
  lower: (partial) => partial,
};

const inverses = [{}, { inverse: true as const }, { inverse: false as const }, { latency: 'worst-case' as const }];

describe('aggregateByWindow', () => {
  it('aggregates the window at each slide', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches<number>(' -abcd|', { a: [5], b: [2], c: [3], d: [] });
      const subs = '                   ^----!';
      const expected = '               --x-y|';
      const result = source.pipe(aggregateByWindow(max(), { window: 3, slide: 2 }));
      expectBatches(result).toBe(expected, { x: [5], y: [3] });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it.each(inverses)('aggregates in the order of the records, with what lower makes of nothing (%j)', (options) => {
    runBatches(({ batches, expectBatches }) => {
      const source = batches(' -abcd|', { a: ['a', 'b'], b: ['c'], c: [], d: [] });
      expectBatches(source.pipe(aggregateByWindow(concat, { window: 2, ...options }))).toBe('-abcd|', {
        a: ['ab'],
        b: ['abc'],
        c: ['c'],
        d: [''],
      });
    });
  });

  it('uses an exact inverse unless told not to, and no other unless told to', () => {
    const batches = timed([['a'], ['b'], ['c']]);
    const callsOf = (exact: boolean, inverse?: boolean) => {
      const { calls, aggregator } = traced({ ...concat, exact });
      feed(batches, () =>
        aggregateByWindow(aggregator, { window: 2, id: 'w', ...(inverse !== undefined && { inverse }) }),
      );
      return calls.filter((call) => call.includes('-'));
    };
    expect(callsOf(true)).toEqual(['ab-a']);
    expect(callsOf(true, false)).toEqual([]);
    expect(callsOf(false)).toEqual([]);
    expect(callsOf(false, true)).toEqual(['ab-a']);
  });

  it('computes directly, without inverse, a slide longer than the window', () => {
    const { calls, aggregator } = traced(concat);
    const batches = timed([['a'], ['b'], ['c'], ['d'], ['e'], ['f']]);
    const results = feed(batches, () => aggregateByWindow(aggregator, { window: 2, slide: 3, inverse: true, id: 'w' }));
    expect(results).toEqual([
      [3, ['bc']],
      [6, ['ef']],
    ]);
    expect(calls).toEqual(['b+c', 'e+f']);
  });

  it('forgets an error of an inverse that is not exact within one window', () => {
    const batches = timed([[1e17], [1], [2], [3], [4]]);
    const results = feed(batches, () => aggregateByWindow(plain, { window: 2, inverse: true, id: 'w' }));
    expect(results.slice(3)).toEqual([
      [4, [5]],
      [5, [7]],
    ]);
  });

  it.each([Number.NaN, Infinity])('is itself again when %d has left, which no inverse can take out', (outlier) => {
    const batches = timed([[1], [outlier], [2], [3], [4]]);
    const results = feed(batches, () => aggregateByWindow(plain, { window: 2, inverse: true, id: 'w' }));
    expect(results.map(([, [value]]) => value)).toEqual([1, outlier, outlier, 5, 7]);
  });
});

describe('aggregateByKeyAndWindow', () => {
  it('aggregates each key, and drops one that has left the window', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches(' -abc-|', { a: pairs('x5 y2'), b: pairs('x3'), c: [] });
      const subs = '           ^----!';
      const expected = '       -lmn-|';
      const result = source.pipe(aggregateByKeyAndWindow(max(), { window: 2 }));
      expectBatches(result).toBe(expected, { l: pairs('x5 y2'), m: pairs('x5 y2'), n: pairs('x3') });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  type Text = Pair<string, string>;
  const batches = timed<Text>([
    [
      ['x', 'a'],
      ['y', 'b'],
      ['x', 'c'],
    ],
    [['x', 'd']],
    [],
    [],
  ]);

  it.each(inverses)('aggregates by key; a key leaves with the last batch that had it (%j)', (options) => {
    const results = feed(batches, () => aggregateByKeyAndWindow(concat, { window: 2, id: 'w', ...options }));
    expect(results).toEqual([
      [
        1,
        [
          ['x', 'ac'],
          ['y', 'b'],
        ],
      ],
      [
        2,
        [
          ['x', 'acd'],
          ['y', 'b'],
        ],
      ],
      [3, [['x', 'd']]],
      [4, []],
    ]);
  });

  it.each(inverses)('gives changes only, and undefined once for a key that left (%j)', (options) => {
    const make = () => aggregateByKeyAndWindow(concat, { window: 2, emit: 'changes', id: 'w', ...options });
    expect(feed(batches, make).slice(1)).toEqual([
      [2, [['x', 'acd']]],
      [
        3,
        [
          ['x', 'd'],
          ['y', undefined],
        ],
      ],
      [4, [['x', undefined]]],
    ]);
  });

  it('filters by what lower gives, and a key that was dropped stays dropped over a restart', () => {
    const make = () =>
      aggregateByKeyAndWindow(mean(), { window: 3, filter: ([, value]: Pair<string, number>) => value > 0, id: 'w' });
    const numbers = timed<Pair<string, number>>([[['x', 4]], [['x', -5]], [['x', 2]], []]);
    const expected = [
      [1, [['x', 4]]],
      [2, []],
      [3, [['x', 2]]],
      [4, [['x', 2]]],
    ];
    expect(feed(numbers, make)).toEqual(expected);
    expect(feed(numbers, make, { restart: 'at-each' })).toEqual(expected);
  });

  it('computes directly, without inverse, a slide longer than the window', () => {
    const { calls, aggregator } = traced(concat);
    const all = timed<Text>([[['x', 'a']], [['x', 'b']], [['x', 'c']], [['x', 'd']], [['x', 'e']], [['x', 'f']]]);
    const make = () => aggregateByKeyAndWindow(aggregator, { window: 2, slide: 3, inverse: true, id: 'w' });
    expect(feed(all, make)).toEqual([
      [3, [['x', 'bc']]],
      [6, [['x', 'ef']]],
    ]);
    expect(calls).toEqual(['b+c', 'e+f']);
  });
});

describe('a checkpoint of a window over an aggregator', () => {
  const batches = timed([[1], [2]]);

  function changed<R>(
    before: OperatorFunction<Batch<number>, Batch<unknown>>,
    after: OperatorFunction<Batch<number>, R>,
  ) {
    const makes = [before, after] as OperatorFunction<Batch<number>, Batch<unknown>>[];
    // With restart 'at-each' every batch is given twice, to an operator made anew each time.
    const order = [0, 0, 1, 1].map((i) => makes[i] as OperatorFunction<Batch<number>, Batch<unknown>>);
    return () => feed(batches, () => order.shift() ?? before, { restart: 'at-each' });
  }
  const over = <In, P, Out>(aggregator: Aggregator<In, P, Out>) =>
    aggregateByWindow(aggregator, { window: 2, id: 'w' });

  it('is refused by another aggregator', () => {
    expect(changed(over(max<number>()), over(min<number>()))).toThrow(
      /"w".*aggregateByWindow window=2 slide=interval aggregator=max.*aggregator=min/s,
    );
    expect(changed(over(topN(2)), over(topN(3)))).toThrow(/aggregator=topN\(2\).*aggregator=topN\(3\)/s);
    expect(changed(over(mean()), over(variance()))).toThrow('aggregator=variance');
  });

  it('is refused by one without a name whose partials look different', () => {
    const pair = { ...plain, identity: { n: 0, total: 0 }, lift: (n: number) => ({ n: 1, total: n }) };
    const grown = { ...pair, combine: () => pair.identity, lower: () => 0 };
    expect(changed(over(plain), over(grown as never))).toThrow(/aggregator=number.*aggregator=\{n,total\}/s);
  });

  it('is read by the same one with another way to keep the window', () => {
    const options = { window: 2, id: 'w' };
    const worst = aggregateByWindow(sum(), { ...options, inverse: false, latency: 'worst-case' });
    expect(changed(over(sum()), worst)()).toEqual([
      [1, [1]],
      [2, [3]],
    ]);
  });
});

describe('an inverse', () => {
  it('over an aggregator that has none does not compile, nor does it pass at run time', () => {
    const windows = () => {
      aggregateByWindow(sum(), { window: 1, inverse: true });
      aggregateByWindow(max(), { window: 1, inverse: false });
      // @ts-expect-error a maximum has no inverse
      aggregateByWindow(max(), { window: 1, inverse: true });
    };
    const byKey = () => {
      aggregateByKeyAndWindow(count(), { window: 1, inverse: true });
      aggregateByKeyAndWindow(set(), { window: 1 });
      // @ts-expect-error a set has no inverse
      aggregateByKeyAndWindow(set(), { window: 1, inverse: true });
    };
    expect(windows).toThrow('aggregateByWindow: inverse (true) requires an aggregator with `invert`');
    expect(byKey).toThrow('aggregateByKeyAndWindow: inverse (true)');
  });

  it('and the other options have types', () => {
    const pairs = fromBatches([[['a', 1]] as Pair<string, number>[]], { interval: 1 });
    const types = () => {
      const all: Batch<Pair<string, number>>[] = [];
      const changes: Batch<Pair<string, number | undefined>>[] = [];
      pairs.pipe(aggregateByKeyAndWindow(mean(), { window: 1 })).subscribe((batch) => all.push(batch));
      const some = pairs.pipe(aggregateByKeyAndWindow(mean(), { window: 1, emit: 'changes' }));
      some.subscribe((batch) => changes.push(batch));
      // @ts-expect-error a key that left is undefined
      some.subscribe((batch) => all.push(batch));
      // @ts-expect-error values are numbers, not strings
      pairs.pipe(aggregateByKeyAndWindow(concat, { window: 1 }));
      const text = ([, value]: Pair<string, string>) => value !== '';
      // @ts-expect-error a filter takes what lower gives
      aggregateByKeyAndWindow(mean(), { window: 1, filter: text });
      // @ts-expect-error one record for all, which cannot be filtered
      aggregateByWindow(mean(), { window: 1, filter: () => true });
    };
    expect(types).toBeTypeOf('function');
    expect(() => aggregateByWindow(max(), { window: 1, latency: 'low' as never })).toThrow('latency ("low")');
    expect(() => aggregateByKeyAndWindow(max(), { window: 1, emit: 'some' as never })).toThrow('emit ("some")');
    expect(() => aggregateByWindow({ ...max(), lower: 1 as never }, { window: 1 })).toThrow('aggregator.lower (1)');
  });
});
