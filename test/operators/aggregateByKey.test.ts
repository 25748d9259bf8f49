import { type Aggregator, aggregateByKey, fromBatches, type Pair } from 'dstream';
import { mean, topN } from 'dstream/aggregators';
import { runBatches } from 'dstream/testing';
import { describe, expect, it } from 'vitest';
import { pairs } from '../support/pairs.js';
import { standingCases } from './standing.js';

type Words = Pair<string, string>;

const concat: Aggregator<string, string, string> = {
  identity: '',
  lift: (input) => input,
  combine: (older, newer) => `${older}+${newer}`,
  lower: (partial) => `(${partial})`,
};

standingCases('aggregateByKey', {
  records: [
    ['a', '1'],
    ['a', '2'],
  ] as Words[],
  make: () => aggregateByKey<string, string, string, string>(concat),
  throwing: (boom) => aggregateByKey<string, string, string, string>({ ...concat, combine: boom }),
});

describe('aggregateByKey', () => {
  it('aggregates within a batch and keeps nothing for the next', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches(' -a-b-|', { a: pairs('x1 y2 x3'), b: pairs('x4') });
      const subs = '           ^----!';
      const expected = '       -m-n-|';
      const result = source.pipe(aggregateByKey(mean()));
      expectBatches(result).toBe(expected, { m: pairs('x2 y2'), n: pairs('x4') });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('lifts the first value of a key, adds the others in their order, and lowers at the end', () => {
    runBatches(({ batches, expectBatches }) => {
      const a: Words[] = [
        ['x', '1'],
        ['y', '2'],
        ['x', '3'],
        ['x', '4'],
      ];
      const source = batches('-ab|', { a, b: [['y', '5']] });
      expectBatches(source.pipe(aggregateByKey(concat))).toBe('-ab|', {
        a: [
          ['x', '(1+3+4)'],
          ['y', '(2)'],
        ],
        b: [['y', '(5)']],
      });
    });
  });

  it('never adds in place to the identity, or to a partial of another key', () => {
    const list: Aggregator<string, string[], readonly string[]> = {
      identity: [],
      lift: (input) => [input],
      combine: (older, newer) => [...older, ...newer],
      add: (partial, input) => {
        partial.push(input);
        return partial;
      },
      lower: (partial) => partial,
    };
    runBatches(({ batches, expectBatches }) => {
      const a: Words[] = [
        ['x', '1'],
        ['y', '2'],
        ['x', '3'],
      ];
      const lists: Record<string, Pair<string, readonly string[]>[]> = {
        a: [
          ['x', ['1', '3']],
          ['y', ['2']],
        ],
      };
      expectBatches(batches('-aa|', { a }).pipe(aggregateByKey(list))).toBe('-aa|', lists);
    });
    expect(list.identity).toEqual([]);
  });

  it('takes values that are undefined', () => {
    const seen: Aggregator<string | undefined, string | undefined, string> = {
      identity: undefined,
      lift: (input) => input,
      combine: (older, newer) => `${older},${newer}`,
      lower: (partial) => `${partial}`,
    };
    runBatches(({ batches, expectBatches }) => {
      const a: Pair<string, string | undefined>[] = [
        ['x', undefined],
        ['x', undefined],
      ];
      const source = batches('-a|', { a });
      expectBatches(source.pipe(aggregateByKey(seen))).toBe('-a|', { a: [['x', 'undefined,undefined']] });
    });
  });

  it('refuses what is no pair, naming itself', () => {
    runBatches(({ batches, flush }) => {
      const errors: string[] = [];
      batches<never>('-a|', { a: ['text' as never] })
        .pipe(aggregateByKey(concat) as never)
        .subscribe({ error: ({ message }) => errors.push(message) });
      flush();
      expect(errors).toEqual([expect.stringMatching(/aggregateByKey.*is not a pair/)]);
    });
  });

  it('refuses what is no aggregator, and takes the types of the aggregator', () => {
    const types = () => {
      const pairs = fromBatches([[['a', 1]] as Pair<string, number>[]], { interval: 1 });
      pairs.pipe(aggregateByKey(topN(2)));
      // @ts-expect-error values are numbers, not objects with a price
      pairs.pipe(aggregateByKey(mean((item: { price: number }) => item.price)));
      // @ts-expect-error records are no pairs
      fromBatches([[1]], { interval: 1 }).pipe(aggregateByKey(mean()));
      // @ts-expect-error a reduce function is no aggregator
      aggregateByKey((a: number, b: number) => a + b);
    };
    expect(types).toThrow('aggregateByKey: aggregator.lift');
  });
});
