import { type Batch, fromBatches, memoryCheckpoint, runningReduce } from 'dstream';
import { runBatches } from 'dstream/testing';
import fc from 'fast-check';
import type { Observable, OperatorFunction } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { propertySettings } from '../property/settings.js';
import { virtual } from '../support/virtual.js';
import { attempt } from './attempt.js';
import { feed, type TimedRecords } from './feed.js';
import { standingCases } from './standing.js';

const sum = (a: number, b: number) => a + b;

standingCases('runningReduce', {
  records: [1, 2],
  make: () => runningReduce<number>(sum),
  throwing: (boom) => runningReduce<number>(() => boom()),
});
standingCases('runningReduce with an initial value', {
  records: [1, 2],
  make: () => runningReduce<number, string>((text, n) => text + n, { initial: '' }),
  throwing: (boom) => runningReduce<number, string>(() => boom(), { initial: '' }),
  fromEmpty: [''],
});

describe('runningReduce', () => {
  it('keeps its value from batch to batch, also over an empty one', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches<number>(' -abc-|', { a: [1, 2], b: [], c: [3] });
      const subs = '                   ^----!';
      const expected = '               -lmn-|';
      const result = source.pipe(runningReduce((a: number, b: number) => a + b));
      expectBatches(result).toBe(expected, { l: [3], m: [3], n: [6] });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('gives the value so far at each batch, of the records in their order', () => {
    runBatches(({ batches, expectBatches }) => {
      const source = batches('-abcd|', { a: [], b: { partitions: [['x', 'y'], ['z']] }, c: [], d: ['u'] });
      expectBatches(source.pipe(runningReduce((text, letter) => text + letter))).toBe('-abcd|', {
        a: [],
        b: ['xyz'],
        c: ['xyz'],
        d: ['xyzu'],
      });
    });
  });

  it('begins with the initial value', () => {
    runBatches(({ batches, expectBatches }) => {
      const source = batches('-ab|', { a: [], b: ['x', 'yy'] });
      const lengths = runningReduce<string, number>((total, word) => total + word.length, { initial: 10 });
      expectBatches(source.pipe(lengths)).toBe('-ab|', { a: [10], b: [13] });
    });
  });

  it('takes a value that is undefined for a value', () => {
    runBatches(({ batches, flush }) => {
      const calls: unknown[] = [];
      const last = runningReduce<number | undefined>((value, record) => {
        calls.push([value, record]);
        return record;
      });
      const seen: unknown[] = [];
      batches<number | undefined>('-ab|', { a: [undefined], b: [1, undefined] })
        .pipe(last)
        .subscribe(({ records }) => seen.push(records));
      flush();
      expect(seen).toEqual([[undefined], [undefined]]);
      expect(calls).toEqual([
        [undefined, 1],
        [1, undefined],
      ]);
    });
  });

  it('equals reducing the whole history, also after restarts', () => {
    const history = fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.array(fc.string(), { maxLength: 3 })), {
      maxLength: 10,
    });
    fc.assert(
      fc.property(history, fc.boolean(), (drawn, seeded) => {
        let time = 0;
        const batches = drawn.map(([step, records]): TimedRecords<string> => {
          time += step;
          return [time, records];
        });
        const concat = (text: string, record: string) => `(${text} ${record})`;
        const make = (): OperatorFunction<Batch<string>, Batch<string>> =>
          runningReduce(concat, { id: 'r', ...(seeded && { initial: 'begin' }) });
        const expected = batches.map(([at], i): TimedRecords<string> => {
          const all = [...(seeded ? ['begin'] : []), ...batches.slice(0, i + 1).flatMap(([, records]) => records)];
          return [at, all.length > 0 ? [all.reduce(concat)] : []];
        });
        expect(feed(batches, make)).toEqual(expected);
        expect(feed(batches, make, { restart: 'at-each' })).toEqual(expected);
      }),
      propertySettings(),
    );
  });

  it('carries its value over a change of its shape', () => {
    const checkpoint = memoryCheckpoint();
    const life = (operator: OperatorFunction<Batch<number>, Batch<unknown>>, crashAt: number) =>
      attempt([[1], [2], [3]], operator, checkpoint, crashAt);
    const count = ({ n }: { n: number }) => ({ n: n + 1 });
    const initial = { n: 0 };
    expect(life(runningReduce(sum, { id: 'r' }), 20)).toEqual([1, 'crash']);
    expect(life(runningReduce<number, { n: number }>(count, { id: 'r', initial, version: 1 }), 0)[0]).toContain(
      'state "r": the checkpoint has version 0',
    );
    const migrate = (value: unknown) => ({ n: value as number });
    expect(life(runningReduce<number, { n: number }>(count, { id: 'r', initial, version: 1, migrate }), 0)).toEqual([
      { n: 2 },
      { n: 3 },
    ]);
  });

  it('needs an id with a checkpoint, and functions for functions', () => {
    const errors: string[] = [];
    virtual(() => {
      fromBatches([[1]], { interval: 10, checkpoint: memoryCheckpoint() })
        .pipe(runningReduce(sum))
        .subscribe({ error: ({ message }: Error) => errors.push(message) });
    });
    expect(errors[0]).toContain('runningReduce: id is missing');
    expect(() => runningReduce(1 as never)).toThrow('runningReduce: reduce (1) must be a function');
    expect(() => runningReduce(sum, { migrate: 1 as never })).toThrow('runningReduce: migrate (1)');
  });

  it('needs an initial value where the value is of another type', () => {
    const types = (words: Observable<Batch<string>>) => {
      const text: Observable<Batch<string>> = words.pipe(runningReduce((a, b) => a + b));
      const total: Observable<Batch<number>> = words.pipe(
        runningReduce((a: number, word: string) => a + word.length, { initial: 0 }),
      );
      // @ts-expect-error words are no numbers
      words.pipe(runningReduce((a: number, b: number) => a + b));
      // @ts-expect-error there is nothing to begin with
      words.pipe(runningReduce((a: number, word: string) => a + word.length, { id: 'r' }));
      // @ts-expect-error the initial value is of another type
      words.pipe(runningReduce((a: number, word: string) => a + word.length, { initial: '' }));
      return { text, total };
    };
    expect(types).toBeTypeOf('function');
  });
});
