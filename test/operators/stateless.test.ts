import {
  countBatch,
  flatMapValues,
  glom,
  groupByKey,
  mapPartitions,
  type Pair,
  reduceBatch,
  repartition,
  transformBatch,
} from 'dstream';
import { runBatches } from 'dstream/testing';
import { describe, expect, it } from 'vitest';
import { pairs } from '../support/pairs.js';
import { standingCases } from './standing.js';

const pair: Pair<string, number> = ['a', 1];

standingCases('mapPartitions', {
  records: [1],
  make: () => mapPartitions<number, number>(({ records }) => records),
  throwing: (boom) => mapPartitions<number, number>(() => boom()),
});
standingCases('flatMapValues', {
  records: [pair],
  make: () => flatMapValues<string, number, number>((n) => [n, n]),
  throwing: (boom) => flatMapValues<string, number, number>(() => boom()),
});
standingCases('glom', { records: [1], make: () => glom<number>(), fromEmpty: [[]] });
standingCases('transformBatch', {
  records: [1],
  make: () => transformBatch<number, number>((records) => records),
  throwing: (boom) => transformBatch<number, number>(() => boom()),
});
standingCases('repartition', { records: [1, 2], make: () => repartition<number>(3) });
standingCases('reduceBatch', {
  records: [1, 2],
  make: () => reduceBatch<number>((a, b) => a + b),
  throwing: (boom) => reduceBatch<number>(() => boom()),
});
standingCases('countBatch', { records: [1, 2], make: () => countBatch<number>(), fromEmpty: [0] });
standingCases('groupByKey', { records: [pair, pair], make: () => groupByKey<string, number>() });

describe('stateless operators', () => {
  it('keep the partitions where they say so', () => {
    runBatches(({ batches, flush }) => {
      const shapes: unknown[] = [];
      const source = () => batches<number>('-a|', { a: { partitions: [[1, 2], [], [3]] } });
      const shape = (name: string) => (batch: { partitions: readonly { records: readonly unknown[] }[] }) =>
        shapes.push([name, batch.partitions.map(({ records }) => records)]);
      source()
        .pipe(mapPartitions(({ records }) => records.slice(1)))
        .subscribe(shape('mapPartitions'));
      source().pipe(glom()).subscribe(shape('glom'));
      source().pipe(repartition(2)).subscribe(shape('repartition'));
      source().pipe(countBatch()).subscribe(shape('countBatch'));
      flush();
      expect(shapes).toEqual([
        ['mapPartitions', [[2], [], []]],
        ['glom', [[[1, 2]], [[]], [[3]]]],
        ['repartition', [[1, 3], [2]]],
        ['countBatch', [[3]]],
      ]);
    });
  });

  it('take whatever can be iterated for the records of a partition', () => {
    runBatches(({ batches, expectBatches }) => {
      const source = batches<number>('-a|', { a: { partitions: [[1, 1, 2], []] } });
      const distinct = source.pipe(mapPartitions(({ records }) => new Set(records)));
      expectBatches(distinct).toBe('-a|', { a: { partitions: [[1, 2], []] } });
    });
  });

  it('reduce and group in the order of the records', () => {
    runBatches(({ batches, expectBatches }) => {
      const words = batches('-a|', { a: { partitions: [['a', 'b'], ['c']] } });
      expectBatches(words.pipe(reduceBatch((a, b) => a + b))).toBe('-a|', { a: ['abc'] });
      const pairs = batches<Pair<string, number>>('-a|', {
        a: {
          partitions: [
            [
              ['x', 1],
              ['y', 2],
            ],
            [['x', 3]],
          ],
        },
      });
      expectBatches(pairs.pipe(groupByKey())).toBe('-a|', {
        a: [
          ['x', [1, 3]],
          ['y', [2]],
        ],
      });
    });
  });

  it('refuse what they cannot use', () => {
    expect(() => repartition(0)).toThrow('repartition: partitions (0) must be a positive integer');
    const errors: string[] = [];
    runBatches(({ batches, flush }) => {
      batches('-a|')
        .pipe(transformBatch(() => undefined as never))
        .subscribe({ error: (error: Error) => errors.push(error.message) });
      flush();
    });
    expect(errors).toEqual(['transformBatch: record undefined is not an array of records']);
  });
});

describe('mapPartitions', () => {
  it('maps each partition for itself', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches<number>(' -a-b-|', { a: { partitions: [[1, 2], [3]] }, b: { partitions: [[], [4]] } });
      const subs = '                   ^----!';
      const expected = '               -x-y-|';
      const result = source.pipe(mapPartitions(({ records }) => [records.length]));
      expectBatches(result).toBe(expected, { x: { partitions: [[2], [1]] }, y: { partitions: [[0], [1]] } });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });
});

describe('flatMapValues', () => {
  it('puts any number of pairs of the same key in the place of one', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches(' -a-b-|', { a: pairs('x1 y2'), b: pairs('x0') });
      const subs = '           ^----!';
      const expected = '       -m-n-|';
      const result = source.pipe(flatMapValues((n) => Array<number>(n).fill(n)));
      expectBatches(result).toBe(expected, { m: pairs('x1 y2 y2'), n: [] });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });
});

describe('glom', () => {
  it('makes one record of each partition', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches<number>(' -a-b-|', { a: { partitions: [[1, 2], [3]] }, b: [] });
      const subs = '                   ^----!';
      const expected = '               -x-y-|';
      const result = source.pipe(glom());
      expectBatches(result).toBe(expected, { x: { partitions: [[[1, 2]], [[3]]] }, y: { partitions: [[[]]] } });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });
});

describe('transformBatch', () => {
  it('puts other records in the place of those of the whole batch', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches<number>(' -a-b-|', { a: { partitions: [[2], [1]] }, b: [] });
      const subs = '                   ^----!';
      const expected = '               -x-y-|';
      const result = source.pipe(transformBatch((records) => [...records].sort()));
      expectBatches(result).toBe(expected, { x: [1, 2], y: [] });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });
});

describe('repartition', () => {
  it('deals the records out to as many partitions as asked for', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches<number>(' -a-b-|', { a: [1, 2, 3], b: { partitions: [[1], [2], [3]] } });
      const subs = '                   ^----!';
      const expected = '               -x-y-|';
      const result = source.pipe(repartition(2));
      expectBatches(result).toBe(expected, { x: { partitions: [[1, 3], [2]] }, y: { partitions: [[1, 3], [2]] } });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });
});

describe('reduceBatch', () => {
  it('reduces a batch to one record, and an empty one to none', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches<number>(' -a-b-|', { a: [1, 2, 3], b: [] });
      const subs = '                   ^----!';
      const expected = '               -x-y-|';
      const result = source.pipe(reduceBatch((a, b) => a + b));
      expectBatches(result).toBe(expected, { x: [6], y: [] });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });
});

describe('countBatch', () => {
  it('counts the records of a batch, and says 0 of an empty one', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches<number>(' -a-b-|', { a: { partitions: [[1, 2], [3]] }, b: [] });
      const subs = '                   ^----!';
      const expected = '               -x-y-|';
      const result = source.pipe(countBatch());
      expectBatches(result).toBe(expected, { x: [3], y: [0] });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });
});

describe('groupByKey', () => {
  it('groups within a batch and keeps nothing for the next', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches(' -a-b-|', { a: pairs('x1 y2 x3'), b: pairs('x4') });
      const subs = '           ^----!';
      const expected = '       -m-n-|';
      const result = source.pipe(groupByKey());
      expectBatches(result).toBe(expected, {
        m: [
          ['x', [1, 3]],
          ['y', [2]],
        ],
        n: [['x', [4]]],
      });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });
});
