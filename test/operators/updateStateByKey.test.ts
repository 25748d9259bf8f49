import {
  type BatchInfo,
  foreachBatch,
  fromBatches,
  memoryCheckpoint,
  type Pair,
  reduceByKeyAndWindow,
  updateStateByKey,
} from 'dstream';
import { runBatches } from 'dstream/testing';
import { retry } from 'rxjs';
import { TestScheduler } from 'rxjs/testing';
import { describe, expect, it } from 'vitest';
import { pairs } from '../support/pairs.js';
import { feed } from './feed.js';
import { standingCases } from './standing.js';

type Words = readonly Pair<string, number>[];
const count = (values: readonly number[], state: number | undefined) => (state ?? 0) + values.length;

standingCases('updateStateByKey', {
  records: [['a', 1] as Pair<string, number>],
  make: () => updateStateByKey<string, number, number>(count),
  throwing: (boom) => updateStateByKey<string, number, number>(() => boom()),
});

const words = (text: string): Words => text.split('').map((letter) => [letter, 1] as const);

describe('updateStateByKey', () => {
  it('keeps the state of a key from batch to batch', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches(' -a-b-|', { a: pairs('x1 y2'), b: pairs('x3') });
      const subs = '           ^----!';
      const expected = '       -m-n-|';
      const result = source.pipe(
        updateStateByKey((values, state: number = 0) => values.reduce((a, b) => a + b, state)),
      );
      expectBatches(result).toBe(expected, { m: pairs('x1 y2'), n: pairs('x4 y2') });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('starts clean at a second subscription, while the first goes on', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches(' -a-a-|', { a: pairs('x1') });
      const subs = '           ^----!';
      const otherSubs = '      ^--!';
      const unsub = '          ---!';
      const expected = '       -m-n-|';
      const other = '          -m--';
      const result = source.pipe(updateStateByKey((values, state: number = 0) => values.length + state));
      expectBatches(result).toBe(expected, { m: pairs('x1'), n: pairs('x2') });
      expectBatches(result, unsub).toBe(other, { m: pairs('x1') });
      expectSubscriptions(source.subscriptions).toBe([subs, otherSubs]);
    });
  });

  it('begins with the same initial state each time, although states are changed in place', () => {
    const counted = updateStateByKey<string, number, { count: number }>(
      (values, state = { count: 0 }) => {
        state.count += values.length;
        return state;
      },
      { id: 'counts', initialState: [['x', { count: 5 }]] },
    );
    const lastCount = () => feed([[1, words('xx')]], () => counted)[0]?.[1];
    expect(lastCount()).toEqual([['x', { count: 7 }]]);
    expect(lastCount()).toEqual([['x', { count: 7 }]]);
  });

  it('calls for every key that has state or values, with key and time, also at an empty batch', () => {
    const calls: unknown[] = [];
    runBatches(({ batches, expectBatches }) => {
      const source = batches<Pair<string, number>>('-abc|', { a: words('xy'), b: words('x'), c: [] });
      const counts = source.pipe(
        updateStateByKey((values: readonly number[], state: number | undefined, { key, time }) => {
          calls.push(`${time} ${key} ${values.length} ${state}`);
          return count(values, state);
        }),
      );
      expectBatches(counts).toBe('-abc|', {
        a: [
          ['x', 1],
          ['y', 1],
        ],
        b: [
          ['x', 2],
          ['y', 1],
        ],
        c: [
          ['x', 2],
          ['y', 1],
        ],
      });
    });
    expect(calls).toEqual(['1 x 1 undefined', '1 y 1 undefined', '2 x 1 1', '2 y 0 1', '3 x 0 2', '3 y 0 1']);
  });

  it('removes a key for which undefined is given, and calls it once all the same', () => {
    const calls: string[] = [];
    runBatches(({ batches, expectBatches }) => {
      const source = batches<Pair<string, number>>('-abc|', { a: words('xx'), b: words('x'), c: [] });
      const operator = updateStateByKey<string, number, number>((values, state, { time }) => {
        calls.push(`${time}`);
        return state === undefined ? values.length : undefined;
      });
      expectBatches(source.pipe(operator)).toBe('-abc|', { a: [['x', 2]], b: [], c: [] });
    });
    expect(calls).toEqual(['1', '2']);
  });

  it('begins with an initial state', () => {
    runBatches(({ batches, expectBatches }) => {
      const source = batches<Pair<string, number>>('-a|', { a: words('x') });
      const operator = updateStateByKey<string, number, number>(count, {
        initialState: [
          ['x', 5],
          ['y', 7],
        ],
      });
      expectBatches(source.pipe(operator)).toBe('-a|', {
        a: [
          ['x', 6],
          ['y', 7],
        ],
      });
    });
  });

  it('calls only for keys with records when told to', () => {
    runBatches(({ batches, expectBatches }) => {
      const source = batches<Pair<string, number>>('-abc|', { a: words('xy'), b: words('x'), c: [] });
      expectBatches(source.pipe(updateStateByKey<string, number, number>(count, { call: 'touched' }))).toBe('-abc|', {
        a: [
          ['x', 1],
          ['y', 1],
        ],
        b: [['x', 2]],
        c: [],
      });
    });
    expect(() => updateStateByKey(count, { call: 'some' as never })).toThrow('updateStateByKey: call ("some")');
  });
});

describe('state and checkpoint', () => {
  /** Counts letters in total and over a window; the output of the given batches crashes once. */
  function crashing(crashAt: readonly number[]) {
    const seen: unknown[] = [];
    const infos: BatchInfo[] = [];
    const left = new Set(crashAt);
    new TestScheduler((actual, expected) => expect(actual).toEqual(expected)).run(({ flush }) => {
      const source = fromBatches(['ab', 'a', 'b', '', 'aa', 'c'].map(words), {
        interval: 10,
        checkpoint: memoryCheckpoint(),
        batchObserver: { next: (info) => infos.push(info) },
      });
      source
        .pipe(
          reduceByKeyAndWindow((a, b) => a + b, { inverse: (a, b) => a - b, window: 30, id: 'window' }),
          updateStateByKey(
            (values: readonly number[], state: number[] | undefined) => {
              const history = state ?? [];
              history.push(...values);
              return history;
            },
            { id: 'history' },
          ),
          foreachBatch((records, { time }) => {
            if (left.delete(time)) throw new Error('crash');
            seen.push([time, structuredClone(records)]);
          }),
          retry(),
        )
        .subscribe();
      flush();
    });
    return { seen, times: infos.map(({ time }) => time) };
  }

  it('gives after any crash what it gives without: the state, the windows and the batch times', () => {
    const expected = crashing([]);
    expect(expected.times).toEqual([10, 20, 30, 40, 50, 60]);
    for (const crashAt of [[10], [20], [30], [40], [60], [10, 20, 30, 40, 50, 60]]) {
      expect(crashing(crashAt)).toEqual(expected);
    }
  });

  function failing(
    build: (source: ReturnType<typeof fromBatches<Pair<string, number>>>) => ReturnType<typeof fromBatches>,
  ) {
    const errors: unknown[] = [];
    new TestScheduler(() => {}).run(({ flush }) => {
      const source = fromBatches([words('a'), words('b')], { interval: 10, checkpoint: memoryCheckpoint() });
      build(source).subscribe({ error: (error: Error) => errors.push(error.message) });
      flush();
    });
    return errors;
  }

  it('asks for the id of every operator with state, and for one of its own', () => {
    expect(failing((source) => source.pipe(updateStateByKey(count)) as never)).toEqual([
      'updateStateByKey: id is missing: with a checkpoint every operator that keeps state needs an id of its own',
    ]);
    expect(
      failing(
        (source) =>
          source.pipe(updateStateByKey(count, { id: 'x' }), updateStateByKey(count as never, { id: 'x' })) as never,
      ),
    ).toEqual([
      'updateStateByKey: id ("x") is taken by another operator of the stream (updateStateByKey): ids must be unique',
    ]);
  });

  it('reads the state of a window of another length, and refuses that of an operator that has gone', () => {
    const checkpoint = memoryCheckpoint();
    const attempt = (length: number | undefined, crash = false) => {
      const errors: string[] = [];
      new TestScheduler(() => {}).run(({ flush }) => {
        const source = fromBatches([words('a'), words('b'), words('c')], { interval: 10, checkpoint });
        const windowed =
          length === undefined
            ? source
            : source.pipe(reduceByKeyAndWindow((a, b) => a + b, { window: length, id: 'w' }));
        windowed
          .pipe(
            foreachBatch((_, { time }) => {
              if (crash && time === 20) throw new Error('crash');
            }),
          )
          .subscribe({ error: (error: Error) => errors.push(error.message) });
        flush();
      });
      return errors;
    };
    expect(attempt(30, true)).toEqual(['crash']);
    expect(attempt(undefined)[0]).toContain('no operator of the stream has this id any more');
    expect(attempt(40)).toEqual([]);
  });
});
