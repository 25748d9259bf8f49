import {
  countByValueAndWindow,
  countByWindow,
  foreachBatch,
  fromBatches,
  groupByKeyAndWindow,
  mapWithState,
  memoryCheckpoint,
  type Pair,
  type StateHandle,
} from 'dstream';
import { runBatches } from 'dstream/testing';
import { retry } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { pairs } from '../support/pairs.js';
import { virtual } from '../support/virtual.js';
import { feed } from './feed.js';
import { standingCases } from './standing.js';

type Words = Pair<string, number>;
const words = (text: string): Words[] => [...text].map((letter, i) => [letter, i] as const);

const count = (key: string, _: number | undefined, state: StateHandle<number>): string => {
  if (state.isTimingOut) return `${key} out at ${state.get()}`;
  state.update((state.get() ?? 0) + 1);
  return `${key}${state.get()}`;
};

standingCases('mapWithState', {
  records: words('aa'),
  make: () => mapWithState<string, number, number, string>(count),
  throwing: (boom) => mapWithState<string, number, number, string>(() => boom()),
});
standingCases('countByWindow', { records: [1], make: () => countByWindow<number>({ window: 2 }) });
standingCases('countByValueAndWindow', { records: ['a'], make: () => countByValueAndWindow<string>({ window: 2 }) });
standingCases('groupByKeyAndWindow', {
  records: words('ab'),
  make: () => groupByKeyAndWindow<string, number>({ window: 2 }),
});

describe('mapWithState', () => {
  it('is called for each record with the state of its key', () => {
    runBatches(({ batches, expectBatches, expectSubscriptions }) => {
      const source = batches(' -a-b-|', { a: pairs('x1 x2'), b: pairs('y3 x4') });
      const subs = '           ^----!';
      const expected = '       -m-n-|';
      const result = source.pipe(
        mapWithState((key: string, value: number | undefined, state: StateHandle<number>) => {
          const total = (state.get() ?? 0) + (value ?? 0);
          state.update(total);
          return [key, total] as const;
        }),
      );
      expectBatches(result).toBe(expected, { m: pairs('x1 x3'), n: pairs('y3 x7') });
      expectSubscriptions(source.subscriptions).toBe(subs);
    });
  });

  it('begins with the same initial state each time, although states are changed in place', () => {
    const counted = mapWithState<string, number, { count: number }, number>(
      (_key, _value, state) => {
        const counts = state.get() ?? { count: 0 };
        counts.count++;
        state.update(counts);
        return counts.count;
      },
      { id: 'counts', initialState: [['x', { count: 5 }]] },
    );
    const batch = [['x', 1] as const, ['x', 1] as const];
    expect(feed([[1, batch]], () => counted)).toEqual([[1, [6, 7]]]);
    expect(feed([[1, batch]], () => counted)).toEqual([[1, [6, 7]]]);
  });

  it('is called for each record in order, and sees what earlier ones of the batch did', () => {
    runBatches(({ batches, expectBatches }) => {
      const source = batches<Words>('-ab|', { a: words('xyx'), b: words('x') });
      expectBatches(source.pipe(mapWithState<string, number, number, string>(count))).toBe('-ab|', {
        a: ['x1', 'y1', 'x2'],
        b: ['x3'],
      });
    });
  });

  it('passes on nothing for undefined, and removes a state', () => {
    runBatches(({ batches, expectBatches }) => {
      const source = batches<Words>('-ab|', { a: words('xx'), b: words('x') });
      const toggle = mapWithState<string, number, number, boolean>((_, __, state) => {
        const { exists } = state;
        if (exists) state.remove();
        else state.update(1);
        return exists ? undefined : state.exists;
      });
      expectBatches(source.pipe(toggle)).toBe('-ab|', { a: [true], b: [true] });
    });
  });

  it('times a key out when the batch time is more than the timeout after its last touch', () => {
    runBatches(({ batches, expectBatches }) => {
      const source = batches<Words>('-abcdefg|', {
        a: words('xy'),
        b: [],
        c: words('x'),
        d: [],
        e: [],
        f: [],
        g: words('x'),
      });
      expectBatches(source.pipe(mapWithState<string, number, number, string>(count, { timeout: 2 }))).toBe(
        '-abcdefg|',
        {
          a: ['x1', 'y1'],
          b: [],
          c: ['x2'],
          d: ['y out at 1'],
          e: [],
          f: ['x out at 2'],
          g: ['x1'],
        },
      );
    });
  });

  it('counts a record that only looks as a touch', () => {
    runBatches(({ batches, expectBatches }) => {
      const source = batches<Words>('-abcde|', { a: words('x'), b: words('x'), c: words('x'), d: [], e: [] });
      const look = mapWithState<string, number, number, string>(
        (key, _, state) => {
          if (state.isTimingOut) return `${key} out`;
          if (!state.exists) state.update(1);
          return undefined;
        },
        { timeout: 1 },
      );
      expectBatches(source.pipe(look)).toBe('-abcde|', { a: [], b: [], c: [], d: [], e: ['x out'] });
    });
  });

  it('begins with an initial state, which times out too', () => {
    runBatches(({ batches, expectBatches }) => {
      const source = batches<Words>('-abc|', { a: words('x'), b: [], c: [] });
      const operator = mapWithState<string, number, number, string>(count, {
        initialState: [
          ['x', 5],
          ['z', 7],
        ],
        timeout: 1,
      });
      expectBatches(source.pipe(operator)).toBe('-abc|', { a: ['x6'], b: [], c: ['x out at 6', 'z out at 7'] });
    });
  });

  it('refuses to update or remove a state that is timing out', () => {
    const messages: string[] = [];
    for (const act of ['update', 'remove'] as const) {
      runBatches(({ batches, flush }) => {
        const operator = mapWithState<string, number, number, string>(
          (_, __, state) => {
            if (state.isTimingOut) state[act](1);
            else state.update(1);
            return undefined;
          },
          { timeout: 1 },
        );
        batches<Words>('-abc|', { a: words('x'), b: [], c: [] })
          .pipe(operator)
          .subscribe({ error: (error: Error) => messages.push(error.message) });
        flush();
      });
    }
    expect(messages).toEqual([
      'mapWithState: record 1 is timing out and cannot be updated',
      'mapWithState: record 1 is timing out and cannot be removed',
    ]);
    expect(() => mapWithState(count as never, { timeout: 0 })).toThrow('mapWithState: timeout (0)');
  });
});

describe('windows and states after a crash', () => {
  const run = (crashAt: readonly number[]) => {
    const left = new Set(crashAt);
    const seen: unknown[] = [];
    virtual(() => {
      const source = fromBatches(['ab', 'a', '', '', 'b', ''].map(words), {
        interval: 10,
        checkpoint: memoryCheckpoint(),
      });
      source
        .pipe(
          groupByKeyAndWindow({ window: 30, slide: 20, id: 'groups' }),
          mapWithState<string, readonly number[], number, string>(
            (key, values, state) => {
              if (state.isTimingOut) return `${key} out`;
              state.update((state.get() ?? 0) + (values?.length ?? 0));
              return `${key}${state.get()}`;
            },
            { timeout: 15, id: 'sums' },
          ),
          foreachBatch((records, { time }) => {
            if (left.delete(time)) throw new Error('crash');
            seen.push([time, records]);
          }),
          retry(),
        )
        .subscribe();
    });
    return seen;
  };

  it('give what they give without', () => {
    const expected = run([]);
    expect(expected).toHaveLength(3);
    for (const crashAt of [[20], [40], [60], [20, 40, 60]]) expect(run(crashAt)).toEqual(expected);
  });
});

describe('windows that count and collect', () => {
  it('count values, and forget those that have left', () => {
    runBatches(({ batches, expectBatches }) => {
      const source = batches('-abcd|', { a: ['x', 'x', 'y'], b: ['x'], c: [], d: [] });
      expectBatches(source.pipe(countByValueAndWindow({ window: 2 }))).toBe('-abcd|', {
        a: [
          ['x', 2],
          ['y', 1],
        ],
        b: [
          ['x', 3],
          ['y', 1],
        ],
        c: [['x', 1]],
        d: [],
      });
    });
  });

  it('count records by slides', () => {
    runBatches(({ batches, expectBatches }) => {
      const source = batches('-abcdef|', { a: ['x'], b: ['x', 'y'], c: ['z'], d: [], e: [], f: [] });
      expectBatches(source.pipe(countByWindow({ window: 3, slide: 2 }))).toBe('--b-d-f|', { b: [3], d: [3], f: [0] });
    });
  });
});
