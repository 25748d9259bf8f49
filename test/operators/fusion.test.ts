import {
  aggregateByWindow,
  countByValue,
  filterRecords,
  flatMapRecords,
  flatMapValues,
  mapRecords,
  mapValues,
  type Pair,
  reduceBatch,
  reduceByKey,
  reduceByKeyAndWindow,
  reduceByWindow,
} from 'dstream';
import { count } from 'dstream/aggregators';
import { runBatches } from 'dstream/testing';
import { map, share, tap } from 'rxjs';
import { describe, expect, it } from 'vitest';

const add = (a: number, b: number) => a + b;

describe('operators on records, one after the other', () => {
  it('give what each gives by itself, partition by partition', () => {
    runBatches(({ batches, flush }) => {
      const steps = [
        mapRecords((word: string): Pair<string, string> => [word.slice(0, 1), word]),
        filterRecords<Pair<string, string>>(([letter]) => letter !== 'x'),
        flatMapValues<string, string, string>((word) => [word, word.toUpperCase()]),
        mapValues<string, string, number>((word) => word.length),
        flatMapRecords(([letter, length]: Pair<string, number>) => [`${letter}${length}`, '-']),
      ] as const;
      const [first, second, third, fourth, fifth] = steps;
      const apart = share;
      const source = batches<string>('-ab|', { a: ['ann', 'xu', 'bo'], b: [] }).pipe(share());
      const row: unknown[] = [];
      const single: unknown[] = [];
      source.pipe(first, second, third, fourth, fifth).subscribe(({ partitions }) => row.push(partitions));
      source
        .pipe(first, apart(), second, apart(), third, apart(), fourth, apart(), fifth)
        .subscribe(({ partitions }) => single.push(partitions));
      flush();
      expect(row).toEqual(single);
      expect(row).toHaveLength(2);
    });
  });

  it('call each function once a record, with one record after the other when the next only looks at them', () => {
    runBatches(({ batches, flush }) => {
      const calls: string[] = [];
      const note = <T>(call: string, value: T): T => {
        calls.push(call);
        return value;
      };
      const pairs = batches<number>('-a|', { a: [1, 2, 3] }).pipe(
        mapRecords((n): Pair<string, number> => note(`map ${n}`, ['k', n])),
        filterRecords(([, n]) => note(`filter ${n}`, n !== 2)),
      );
      const sums: unknown[] = [];
      pairs.pipe(reduceByKey((a, b) => note(`${a} + ${b}`, a + b))).subscribe(({ records }) => sums.push(records));
      flush();
      expect(sums).toEqual([[['k', 4]]]);
      expect(calls).toEqual(['map 1', 'filter 1', 'map 2', 'filter 2', 'map 3', 'filter 3', '1 + 3']);
    });
  });

  it('are reduced one after the other, over all partitions', () => {
    runBatches(({ batches, expectBatches }) => {
      const odd = batches<number>('-abc|', { a: { partitions: [[1, 2], [], [3]] }, b: [4], c: [5] }).pipe(
        mapRecords((n) => `${n}`),
        filterRecords((n) => Number(n) % 2 === 1),
      );
      const join = (a: string, b: string) => `(${a}${b})`;
      expectBatches(odd.pipe(reduceBatch(join))).toBe('-abc|', { a: ['(13)'], b: [], c: ['5'] });
      const window = { window: 2 };
      expectBatches(odd.pipe(reduceByWindow(join, window))).toBe('-abc|', { a: ['(13)'], b: ['(13)'], c: ['5'] });
      expectBatches(odd.pipe(aggregateByWindow(count(), window))).toBe('-abc|', { a: [2], b: [2], c: [1] });
    });
  });

  it('are computed once for all who share them', () => {
    runBatches(({ batches, flush }) => {
      let mapped = 0;
      const shared = batches<string>('-ab|', { a: ['x', 'y'], b: ['x'] }).pipe(
        mapRecords((word): Pair<string, number> => {
          mapped++;
          return [word, 1];
        }),
        share(),
      );
      const seen: unknown[] = [];
      shared.pipe(reduceByKey(add)).subscribe(({ records }) => seen.push(records));
      shared.pipe(reduceByKeyAndWindow(add, { window: 2 })).subscribe(({ records }) => seen.push(records));
      flush();
      expect(mapped).toBe(3);
      expect(seen.at(-1)).toEqual([
        ['x', 2],
        ['y', 1],
      ]);
    });
  });

  it('let foreign operators in between', () => {
    runBatches(({ batches, expectBatches }) => {
      const words: string[] = [];
      const source = batches<string>('-ab|', { a: ['x', 'y'], b: ['x'] }).pipe(
        mapRecords((word) => `${word}!`),
        tap(({ records }) => words.push(...records)),
        map((batch) => batch),
        countByValue(),
      );
      expectBatches(source).toBe('-ab|', {
        a: [
          ['x!', 1],
          ['y!', 1],
        ],
        b: [['x!', 1]],
      });
    });
  });

  it('fail the batch, once, when a function in the middle throws', () => {
    runBatches(({ batches, failures, flush }) => {
      const boom = new Error('boom');
      const errors: unknown[] = [];
      batches<string>('-a|', { a: ['x'] })
        .pipe(
          mapRecords((word): Pair<string, number> => [word, 1]),
          mapValues((): number => {
            throw boom;
          }),
          reduceByKey(add),
        )
        .subscribe({ error: (error) => errors.push(error) });
      flush();
      expect(errors).toEqual([boom]);
      expect(failures).toEqual([boom]);
    });
  });
});
