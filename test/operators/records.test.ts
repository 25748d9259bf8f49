import {
  type BatchStream,
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
import { map, of, throwError, timer } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { pairs } from '../support/pairs.js';
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

declare function fromNumbers(): BatchStream<number>;

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

describe('mapRecords', () => {
  it('maps the records of each batch, of an empty one too', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches<number>(' -a-b-|', { a: [1, 2], b: [] });
      const subs = '                   ^----!';
      const expected = '               -x-y-|';
      const result = source.pipe(mapRecords((n) => n * 10));
      expectBatches(result).toBe(expected, { x: [10, 20], y: [] });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('unsubscribes from the source at once when the function throws', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches<number>(' -a-b-c-|', { a: [1], b: [2], c: [3] });
      const subs = '                   ^--!';
      const expected = '               -x-#';
      const positive = (n: number) => {
        if (n === 2) throw 'broken';
        return n;
      };
      expectBatches(source.pipe(mapRecords(positive))).toBe(expected, { x: [1] }, 'broken');
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });
});

describe('filterRecords', () => {
  it('keeps the records for which the predicate holds, and passes a batch on that has none left', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches<number>(' -a-b-|', { a: [1, 2, 3], b: [1] });
      const subs = '                   ^----!';
      const expected = '               -x-y-|';
      const result = source.pipe(filterRecords((n) => n > 1));
      expectBatches(result).toBe(expected, { x: [2, 3], y: [] });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });
});

describe('flatMapRecords', () => {
  it('puts any number of records in the place of one', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches<number>(' -a-b-#', { a: [1, 0, 2], b: [0] });
      const subs = '                   ^----!';
      const expected = '               -x-y-#';
      const result = source.pipe(flatMapRecords((n) => 'n'.repeat(n)));
      expectBatches(result).toBe(expected, { x: ['n', 'n', 'n'], y: [] });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });
});

describe('mapValues', () => {
  it('maps the values and keeps the keys', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches(' -a-b-|', { a: pairs('x1 y2'), b: pairs('x3') });
      const subs = '           ^----!';
      const expected = '       -m-n-|';
      const result = source.pipe(mapValues((n) => n * 10));
      expectBatches(result).toBe(expected, { m: pairs('x10 y20'), n: pairs('x30') });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });
});

describe('reduceByKey', () => {
  it('reduces within a batch and keeps nothing for the next', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches(' -a-b-|', { a: pairs('x1 y2 x3'), b: pairs('x4') });
      const subs = '           ^----!';
      const expected = '       -m-n-|';
      const result = source.pipe(reduceByKey((a, b) => a + b));
      expectBatches(result).toBe(expected, { m: pairs('x4 y2'), n: pairs('x4') });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });
});

describe('countByValue', () => {
  it('counts within a batch and keeps nothing for the next', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches(' -a-b-|', { a: [...'xyx'], b: [...'y'] });
      const subs = '           ^----!';
      const expected = '       -m-n-|';
      const result = source.pipe(countByValue());
      expectBatches(result).toBe(expected, { m: pairs('x2 y1'), n: pairs('y1') });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });
});

describe('filterBatches', () => {
  it('passes on only the batches for which the predicate holds', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches<number>(' -a-b-c-|', { a: [], b: [1, 2], c: [] });
      const subs = '                   ^------!';
      const expected = '               ---b---|';
      const result = source.pipe(filterBatches(({ length }) => length > 0));
      expectBatches(result).toBe(expected, { b: [1, 2] });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });
});

describe('printBatches', () => {
  it('passes each batch on in the moment in which it is printed', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches(' -a-b-|');
      const subs = '           ^----!';
      const expected = '       -a-b-|';
      const result = source.pipe(printBatches({ write: () => {} }));
      expectBatches(result).toBe(expected);
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });
});

describe('foreachBatch', () => {
  it('passes a batch on when its effect has settled, and completes after the last', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches(' -a-b|');
      const subs = '           ^---!';
      const expected = '       ----a-(b|)';
      const result = source.pipe(foreachBatch(() => timer(3)));
      expectBatches(result).toBe(expected);
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('passes on the batches before one whose effect fails, then fails and unsubscribes from the source', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches(' -ab---|');
      const subs = '           ^-----!';
      const expected = '       ------(a#)';
      const effect = ([record]: readonly string[]) => (record === 'a' ? timer(5) : throwError(() => 'broken'));
      expectBatches(source.pipe(foreachBatch(effect))).toBe(expected, undefined, 'broken');
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('ends an effect when it is unsubscribed, and the source with it', () => {
    runBatches(({ batches, cold, expectBatches, expectSubscriptions }) => {
      const source = batches(' -a-b-|');
      const effect = cold('    -----|');
      const subs = '           ^--!';
      const effectSubs = '     -^-!';
      const unsub = '          ---!';
      const expected = '       ----';
      expectBatches(source.pipe(foreachBatch(() => effect)), unsub).toBe(expected);
      expectSubscriptions(source.subscriptions).toBe(subs);
      expectSubscriptions(effect.subscriptions).toBe(effectSubs);
    });
  });
});

describe('concatMapBatch', () => {
  it('starts the work on a batch when that on the one before is done', () => {
    runBatches(({ batches, cold, expectBatches, expectSubscriptions }) => {
      const source = batches(' -ab----|');
      const work = cold('      --(r|)', { r: ['done'] });
      const subs = '           ^------!';
      const firstWork = '      -^-!';
      const secondWork = '     ---^-!';
      const expected = '       ---r-r-|';
      expectBatches(source.pipe(concatMapBatch(() => work))).toBe(expected, { r: ['done'] });
      expectSubscriptions(source.subscriptions).toBe(subs);
      expectSubscriptions(work.subscriptions).toBe([firstWork, secondWork]);
    });
  });

  it('ends the work when it is unsubscribed, and does not start what waits', () => {
    runBatches(({ batches, cold, expectBatches, expectSubscriptions }) => {
      const source = batches(' -ab----|');
      const work = cold('      --(r|)', { r: ['done'] });
      const subs = '           ^-!';
      const workSubs = '       -^!';
      const unsub = '          --!';
      const expected = '       ---';
      expectBatches(source.pipe(concatMapBatch(() => work)), unsub).toBe(expected);
      expectSubscriptions(source.subscriptions).toBe(subs);
      expectSubscriptions(work.subscriptions).toBe(workSubs);
    });
  });
});
