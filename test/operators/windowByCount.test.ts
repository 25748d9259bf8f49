import {
  type Batch,
  type CheckpointSession,
  foreachBatch,
  fromBatches,
  memoryCheckpoint,
  reduceBatch,
  windowByCount,
} from 'dstream';
import { runBatches } from 'dstream/testing';
import fc from 'fast-check';
import type { Observable, OperatorFunction } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { propertySettings } from '../property/settings.js';
import { virtual } from '../support/virtual.js';
import { feed, type TimedRecords } from './feed.js';
import { standingCases } from './standing.js';

standingCases('windowByCount', { records: ['a', 'b'], make: () => windowByCount<string>({ count: 3 }) });

describe('windowByCount', () => {
  it('has the last records, from any number of batches', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches<number>(' -a-b-|', { a: [1, 2], b: [3, 4] });
      const subs = '                   ^----!';
      const expected = '               -x-y-|';
      const result = source.pipe(windowByCount({ count: 3 }));
      expectBatches(result).toBe(expected, { x: [1, 2], y: [2, 3, 4] });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('has the last records, whichever batches and partitions they came in', () => {
    runBatches(({ batches, expectBatches }) => {
      const source = batches('-abcd|', { a: ['a'], b: { partitions: [['b', 'c'], ['d']] }, c: [], d: ['e'] });
      expectBatches(source.pipe(windowByCount({ count: 3 }))).toBe('-abcd|', {
        a: ['a'],
        b: ['b', 'c', 'd'],
        c: ['b', 'c', 'd'],
        d: ['c', 'd', 'e'],
      });
    });
  });

  it('keeps records that are arrays as they are', () => {
    runBatches(({ batches, expectBatches }) => {
      const source = batches<number[]>('-ab|', { a: [[1, 2], [3]], b: [[]] });
      expectBatches(source.pipe(windowByCount({ count: 2 }))).toBe('-ab|', { a: [[1, 2], [3]], b: [[3], []] });
    });
  });

  it('composes with what works on a batch', () => {
    runBatches(({ batches, expectBatches }) => {
      const source = batches('-abc|', { a: [1, 2], b: [10], c: [100, 1000, 10000] });
      const total = source.pipe(
        windowByCount({ count: 2 }),
        reduceBatch((a, b) => a + b),
      );
      expectBatches(total).toBe('-abc|', { a: [3], b: [12], c: [11000] });
    });
  });

  it('equals the end of the whole history, also after jumps and restarts', () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 6 })), { maxLength: 15 });
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 8 }), (drawn, count) => {
        let time = 0;
        let record = 0;
        const batches = drawn.map(([step, size]): TimedRecords<number> => {
          time += step;
          return [time, Array.from({ length: size }, () => record++)];
        });
        const make = (): OperatorFunction<Batch<number>, Batch<number>> => windowByCount({ count, id: 'w' });
        const expected = batches.map(([at], i): TimedRecords<number> => {
          const history = batches.slice(0, i + 1).flatMap(([, records]) => records);
          return [at, history.slice(Math.max(history.length - count, 0))];
        });
        expect(feed(batches, make)).toEqual(expected);
        expect(feed(batches, make, { restart: 'at-each' })).toEqual(expected);
      }),
      propertySettings(),
    );
  });

  /** What a checkpoint has at the end, after a crash that keeps it. */
  function saved(batches: readonly (readonly number[])[], count: number) {
    const checkpoint = memoryCheckpoint();
    virtual(() => {
      fromBatches([...batches, []], { interval: 10, checkpoint })
        .pipe(
          windowByCount({ count, id: 'w' }),
          foreachBatch((_, { time }) => {
            if (time === (batches.length + 1) * 10) throw new Error('crash');
          }),
        )
        .subscribe({ error: () => {} });
    });
    let session: CheckpointSession | undefined;
    (checkpoint.open() as Observable<CheckpointSession>).subscribe((opened) => {
      session = opened;
    });
    return [...(session?.restored?.state('w')?.entries() ?? [])];
  }

  it('saves no more than the window needs', () => {
    expect(saved([[1, 2], [3], [4, 5, 6, 7, 8]], 3)).toEqual([[30, [6, 7, 8]]]);
    expect(saved([[1, 2], [3], [], [4]], 3)).toEqual([
      [10, [1, 2]],
      [20, [3]],
      [40, [4]],
    ]);
  });

  it('refuses the state of a window of another length, no id with a checkpoint, and no count', () => {
    const checkpoint = memoryCheckpoint();
    const attempt = (operator: OperatorFunction<Batch<number>, Batch<number>>) => {
      const errors: string[] = [];
      virtual(() => {
        fromBatches([[1], [2], [3]], { interval: 10, checkpoint })
          .pipe(
            operator,
            foreachBatch((_, { time }) => {
              if (time === 20) throw new Error('crash');
            }),
          )
          .subscribe({ error: ({ message }: Error) => errors.push(message) });
      });
      return errors[0];
    };
    expect(attempt(windowByCount({ count: 2, id: 'w' }))).toBe('crash');
    expect(attempt(windowByCount({ count: 3, id: 'w' }))).toContain('the checkpoint has windowByCount count=2');
    expect(attempt(windowByCount({ count: 2 }))).toContain('windowByCount: id is missing');
    expect(() => windowByCount({ count: 0 })).toThrow('windowByCount: count (0) must be a positive integer');
  });

  it('keeps the type of the records', () => {
    const types = (words: Observable<Batch<string>>) => {
      const same: Observable<Batch<string>> = words.pipe(windowByCount({ count: 3 }));
      // @ts-expect-error the records stay what they are
      const other: Observable<Batch<number>> = words.pipe(windowByCount({ count: 3 }));
      // @ts-expect-error a window has a length
      words.pipe(windowByCount({ id: 'w' }));
      return { same, other };
    };
    expect(types).toBeTypeOf('function');
  });
});
