import {
  concatMapBatch,
  countByValue,
  filterBatches,
  filterRecords,
  flatMapRecords,
  foreachBatch,
  InvalidRecordError,
  mapRecords,
  mapValues,
  printBatches,
  reduceByKey,
} from 'dstream';
import { runBatches } from 'dstream/testing';
import { map, of, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { standingCases } from './standing.js';

standingCases('mapRecords', {
  records: [1],
  make: () => mapRecords((n: number) => n + 1),
  throwing: (boom) => mapRecords(boom),
});
standingCases('filterRecords', {
  records: [1, 2],
  make: () => filterRecords((n: number) => n > 1),
  throwing: (boom) => filterRecords(() => boom()),
});
standingCases('flatMapRecords', {
  records: [1, 2],
  make: () => flatMapRecords((n: number) => [n, n]),
  throwing: (boom) => flatMapRecords(boom),
});
standingCases('mapValues', {
  records: [['a', 1] as const],
  make: () => mapValues((n: number) => n + 1),
  throwing: (boom) => mapValues(boom),
});
standingCases('reduceByKey', {
  records: [['a', 1] as const, ['a', 2] as const],
  make: () => reduceByKey<'a', number>((a, b) => a + b),
  throwing: (boom) => reduceByKey<'a', number>(boom),
});
standingCases('countByValue', { records: ['a', 'b', 'a'], make: () => countByValue<string>() });
standingCases('filterBatches', {
  records: [1],
  make: () => filterBatches<number>((records) => records.length > 0),
  throwing: (boom) => filterBatches<number>(() => boom()),
  fromEmpty: undefined,
});
standingCases('printBatches', {
  records: [1],
  make: () => printBatches<number>({ write: () => {} }),
  throwing: (boom) => printBatches<number>({ write: boom }),
});
standingCases('foreachBatch', {
  records: [1],
  make: () => foreachBatch<number>(() => {}),
  throwing: (boom) => foreachBatch<number>(() => boom()),
});
standingCases('concatMapBatch', {
  records: [1],
  make: () => concatMapBatch<number, number>((records) => of(records.map((n) => n + 1))),
  throwing: (boom) => concatMapBatch<number, number>(() => boom()),
});

describe('operators on records', () => {
  it('map, filter and flatMap keep partitions and pass the context', () => {
    runBatches(({ batches, flush }) => {
      const seen: unknown[] = [];
      batches<number>('-a|', { a: { partitions: [[1, 2], [], [3]] } })
        .pipe(
          mapRecords((n, { time }) => n * 10 + time),
          filterRecords((n) => n !== 21),
          flatMapRecords((n) => [n, -n]),
        )
        .subscribe(({ partitions }) => seen.push(partitions.map(({ index, records }) => [index, records])));
      flush();
      expect(seen).toEqual([
        [
          [0, [11, -11]],
          [1, []],
          [2, [31, -31]],
        ],
      ]);
    });
  });

  it('reduceByKey keeps the order of values and of keys, with an operation that is not commutative', () => {
    const pairs = (text: string) => text.split(' ').map((word) => [word[0] as string, word] as const);
    runBatches(({ batches, expectBatches }) => {
      const source = batches('-a|', { a: { partitions: [pairs('b1 a1'), pairs('b2 a2 b3')] } });
      expectBatches(source.pipe(reduceByKey((a, b) => a + b))).toBe('-a|', {
        a: [
          ['b', 'b1b2b3'],
          ['a', 'a1a2'],
        ],
      });
    });
  });

  it('reduceByKey takes values that are undefined for what they are', () => {
    runBatches(({ batches, expectBatches }) => {
      const source = batches<readonly [string, number | undefined]>('-a|', {
        a: [
          ['k', undefined],
          ['k', 1],
        ],
      });
      const reduce = (a: number | undefined, b: number | undefined) => (a === undefined ? b : -1);
      expectBatches(source.pipe(reduceByKey(reduce))).toBe('-a|', { a: [['k', 1]] });
    });
  });

  it('names the operator and the record that is no pair, or is keyed by an object', () => {
    const attempt = (record: unknown) => {
      let message: unknown;
      runBatches(({ batches, flush }) => {
        batches('-a|', { a: [record] })
          .pipe(reduceByKey(((a: unknown) => a) as never) as never)
          .subscribe({ error: (error) => (message = error instanceof InvalidRecordError && error.message) });
        flush();
      });
      return message;
    };
    expect(attempt(5)).toBe('reduceByKey: record 5 is not a pair [key, value]');
    expect(attempt(null)).toBe('reduceByKey: record null is not a pair [key, value]');
    expect(attempt([{ id: 1 }, 2])).toBe(
      'reduceByKey: record [{"id":1},2] has a key that is no string, number, bigint, boolean or null',
    );
  });

  it('do not take what they cannot work on', () => {
    const types = () => {
      // @ts-expect-error records are no pairs
      void fromNumbers().pipe(reduceByKey((a: number, b: number) => a + b));
      // @ts-expect-error an object is no key
      void reduceByKey<{ id: number }, number>((a, b) => a + b);
      // @ts-expect-error an object is no key
      void countByValue<{ id: number }>();
    };
    expect(types).toBeTypeOf('function');
  });

  it('refuse what is no function when they are called', () => {
    expect(() => mapRecords(5 as never)).toThrow('mapRecords: project (5) must be a function');
    expect(() => foreachBatch(undefined as never)).toThrow('foreachBatch: effect (undefined) must be a function');
    expect(() => printBatches({ count: -1 })).toThrow('printBatches: count (-1)');
  });
});

declare function fromNumbers(): ReturnType<typeof import('dstream').fromBatches<number>>;

describe('operations that hold', () => {
  it('foreachBatch overlaps effects, passes batches on in order, and completes each when its effect has settled', () => {
    runBatches(({ batches, completions, scheduler, flush }) => {
      const seen: unknown[] = [];
      batches<number>('-ab|', { a: [4], b: [1] })
        .pipe(foreachBatch(([ms]) => timer(ms ?? 0)))
        .subscribe(({ records }) => seen.push([scheduler.now(), records]));
      flush();
      expect(seen).toEqual([
        [5, [4]],
        [5, [1]],
      ]);
      expect(completions).toEqual([
        { time: 1, at: 5 },
        { time: 2, at: 5 },
      ]);
    });
  });

  it('concatMapBatch works on one batch after the other, and holds those that wait', () => {
    runBatches(({ batches, completions, flush }) => {
      const seen: unknown[] = [];
      batches<number>('-ab|', { a: [4], b: [2] })
        .pipe(concatMapBatch(([ms]) => timer(ms ?? 0).pipe(map(() => [ms]))))
        .subscribe(({ records, context }) => seen.push([context.time, records]));
      flush();
      expect(seen).toEqual([
        [1, [4]],
        [2, [2]],
      ]);
      expect(completions).toEqual([
        { time: 1, at: 5 },
        { time: 2, at: 7 },
      ]);
    });
  });

  it('filterBatches claims what it swallows', () => {
    runBatches(({ batches, completions, flush }) => {
      batches('-ab|', { a: [], b: [1] })
        .pipe(filterBatches((records) => records.length > 0))
        .subscribe();
      flush();
      expect(completions.map(({ time }) => time)).toEqual([1, 2]);
    });
  });

  it('printBatches prints time, count and the first records', () => {
    const lines: string[] = [];
    runBatches(({ batches, flush }) => {
      batches('-a|', { a: ['x', 'y', 'z'] })
        .pipe(printBatches({ count: 2, write: (line) => lines.push(line), format: (record) => `<${record}>` }))
        .subscribe();
      flush();
    });
    expect(lines).toEqual(['time 1: 3 records', '  <x>', '  <y>', '  ...']);
  });
});
