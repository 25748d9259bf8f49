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
    expect(errors).toEqual(['transformBatch: record undefined is no array of records']);
  });
});
