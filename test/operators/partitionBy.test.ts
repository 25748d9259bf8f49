import { type Batch, kafkaPartitioner, memoryLog, type Pair, partitionBy } from 'dstream';
import { runBatches } from 'dstream/testing';
import fc from 'fast-check';
import kafkajs from 'kafkajs';
import type { Observable } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { propertySettings } from '../property/settings.js';
import { pairs } from '../support/pairs.js';
import { standingCases } from './standing.js';

const pair: Pair<string, number> = ['a', 1];

standingCases('partitionBy', {
  records: [pair, ['b', 2]],
  make: () => partitionBy<string, number>(3),
  throwing: (boom) => partitionBy<string, number>(3, () => boom()),
});

describe('partitionBy', () => {
  it('puts each pair where the partitioner says', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches(' -a-b-|', { a: { partitions: [pairs('x1 y2'), pairs('x3')] }, b: [] });
      const subs = '           ^----!';
      const expected = '       -m-n-|';
      const result = source.pipe(partitionBy(2, (key) => (key === 'x' ? 0 : 1)));
      expectBatches(result).toBe(expected, {
        m: { partitions: [pairs('x1 x3'), pairs('y2')] },
        n: { partitions: [[], []] },
      });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('puts all pairs of a key into one partition, in their order, and gives empty partitions too', () => {
    runBatches(({ batches, expectBatches }) => {
      const source = batches<Pair<string, number>>('-a|', {
        a: {
          partitions: [
            [
              ['x', 1],
              ['yy', 2],
            ],
            [
              ['zz', 3],
              ['x', 4],
            ],
          ],
        },
      });
      const byLength = partitionBy<string, number>(4, (key) => key.length);
      const expected = [
        [],
        [
          ['x', 1],
          ['x', 4],
        ],
        [
          ['yy', 2],
          ['zz', 3],
        ],
        [],
      ] as Pair<string, number>[][];
      expectBatches(source.pipe(byLength)).toBe('-a|', { a: { partitions: expected } });
    });
  });

  it('tells the partitioner how many partitions there are, and numbers them', () => {
    runBatches(({ batches, flush }) => {
      const shapes: unknown[] = [];
      batches('-a|', { a: [pair] })
        .pipe(partitionBy<string, number>(3, (_, partitions) => partitions - 1))
        .subscribe(({ partitions }) => shapes.push(partitions));
      flush();
      expect(shapes).toEqual([
        [
          { index: 0, records: [] },
          { index: 1, records: [] },
          { index: 2, records: [pair] },
        ],
      ]);
    });
  });

  it('agrees with the partitioners of kafkajs and of the log in memory', () => {
    const ofKafkajs = kafkajs.Partitioners.DefaultPartitioner();
    const broker = (partitions: number) =>
      Array.from({ length: partitions }, (_, partitionId) => ({ partitionId, leader: 0, partitionErrorCode: 0 }));
    const texts = fc.oneof(fc.string(), fc.string({ unit: 'binary' }), fc.string({ minLength: 300, maxLength: 2_000 }));
    fc.assert(
      fc.property(texts, fc.integer({ min: 1, max: 1_000 }), (key, partitions) => {
        const partitionMetadata = broker(partitions) as never;
        const expected = ofKafkajs({ topic: 't', partitionMetadata, message: { key, value: '' } });
        return kafkaPartitioner(key, partitions) === expected;
      }),
      propertySettings(),
    );
    const log = memoryLog({ topics: { t: 5 } });
    const keys = ['', 'a', 'foobar', 'München', '東京'];
    const placed = log.append(
      't',
      keys.map((key) => ({ key, value: '' })),
    );
    expect(keys.map((key) => kafkaPartitioner(key, 5))).toEqual(placed.map(({ partition }) => partition));
  });

  it('places keys that are no text by their text, and null in the first partition', () => {
    for (const key of [1, -0.5, 12n, true]) expect(kafkaPartitioner(key, 97)).toBe(kafkaPartitioner(String(key), 97));
    expect(kafkaPartitioner(null, 97)).toBe(0);
  });

  it('refuses what it cannot use', () => {
    expect(() => partitionBy(0)).toThrow('partitionBy: partitions (0) must be a positive integer');
    expect(() => partitionBy(1, 'hash' as never)).toThrow('partitionBy: partitioner ("hash") must be a function');
    const messages = (records: readonly unknown[], partition: unknown) => {
      const told: string[] = [];
      runBatches(({ batches }) => {
        batches('-a|', { a: records })
          .pipe(partitionBy<string, number>(3, () => partition as number) as never)
          .subscribe({ error: (error: Error) => told.push(error.message) });
      });
      return told;
    };
    expect(messages(['text'], 0)).toEqual(['partitionBy: record "text" is not a pair [key, value]']);
    expect(messages([[{}, 1]], 0)[0]).toContain('has a key that is no string, number, bigint, boolean or null');
    for (const partition of [-1, 3, 0.5, Number.NaN, undefined]) {
      expect(messages([pair], partition)[0]).toContain(
        `has partition ${partition}, which must be an integer of at least 0 and below 3`,
      );
    }
  });

  it('takes pairs only, and a partitioner of their keys', () => {
    const types = (pairs: Observable<Batch<Pair<number, string>>>, words: Observable<Batch<string>>) => {
      const same: Observable<Batch<Pair<number, string>>> = pairs.pipe(partitionBy(3));
      const own: Observable<Batch<Pair<number, string>>> = pairs.pipe(partitionBy(3, (key) => key % 3));
      // @ts-expect-error words are no pairs
      words.pipe(partitionBy(3));
      // @ts-expect-error the keys are numbers
      pairs.pipe(partitionBy(3, (key: string) => key.length));
      // @ts-expect-error an object is no key
      partitionBy<{ id: number }, string>(3);
      // @ts-expect-error a partition is a number
      pairs.pipe(partitionBy(3, (key) => `${key}`));
      return { same, own };
    };
    expect(types).toBeTypeOf('function');
  });
});
