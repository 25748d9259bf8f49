import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyedWindow, type Pane } from '../../src/windows/keyedWindow.js';
import { TwoStacks } from '../../src/windows/twoStacks.js';
import { propertySettings } from '../property/settings.js';

describe('TwoStacks', () => {
  it('equals recomputation under an operation that is not commutative, after any inserts and evictions', () => {
    const step = fc.oneof(fc.constant('insert' as const), fc.integer({ min: 1, max: 6 }));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const stacks = new TwoStacks<string>((a, b) => a + b);
        const oracle: string[] = [];
        let next = 0;
        for (const action of steps) {
          if (action === 'insert') {
            const value = `${next++} `;
            stacks.insert(value);
            oracle.push(value);
          } else {
            stacks.evict(action);
            oracle.splice(0, action);
          }
          expect(stacks.size).toBe(oracle.length);
          expect(stacks.query()).toBe(oracle.length > 0 ? oracle.join('') : undefined);
        }
      }),
      propertySettings(),
    );
  });

  it('combines at most three times a slide on average', () => {
    let combined = 0;
    const stacks = new TwoStacks<number>((a, b) => {
      combined++;
      return Math.max(a, b);
    });
    const length = 1_000;
    for (let i = 0; i < length; i++) stacks.insert(i);
    combined = 0;
    const slides = 10 * length;
    for (let i = 0; i < slides; i++) {
      stacks.insert((i * 7_919) % 1_000);
      stacks.evict();
      stacks.query();
    }
    expect(combined / slides).toBeLessThanOrEqual(3.01);
  });
});

const keys = <K>(slots: Iterable<{ readonly key: K }>): K[] => [...slots].map(({ key }) => key);

const contents = <K, P>(keyed: KeyedWindow<K, P>): Map<K, P> =>
  new Map([...keyed.slots()].map((slot) => [slot.key, slot.current()]));

describe('KeyedWindow', () => {
  // Keys a to d; values as small integers; times rise by 1 to 3, so there are gaps.
  const panes = fc.array(
    fc.record({
      gap: fc.integer({ min: 1, max: 3 }),
      pairs: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.integer({ min: -5, max: 5 })),
    }),
    { maxLength: 40 },
  );

  const timed = (drawn: readonly { gap: number; pairs: Record<string, number> }[]): Pane<string, number>[] => {
    let time = 0;
    return drawn.map(({ gap, pairs }) => {
      time += gap;
      return { time, partials: new Map(Object.entries(pairs)) };
    });
  };

  const recompute = (all: readonly Pane<string, number>[], from: number, until: number) => {
    const sums = new Map<string, number>();
    for (const { time, partials } of all) {
      if (time <= from || time > until) continue;
      for (const [key, value] of partials) sums.set(key, (sums.get(key) ?? 0) + value);
    }
    return sums;
  };

  it.each([true, false])(
    'equals recomputation, and a window restored from its panes, at every slide (inverse: %s)',
    (inverse) => {
      const options = {
        reduce: (a: number, b: number) => a + b,
        inverse: inverse ? (a: number, b: number) => a - b : undefined,
      };
      fc.assert(
        fc.property(panes, fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 4 }), (drawn, length, every) => {
          const all = timed(drawn);
          const keyed = new KeyedWindow<string, number>(options);
          let added: Pane<string, number>[] = [];
          let before = new Map<string, number>();
          all.forEach((pane, i) => {
            added.push(pane);
            if ((i + 1) % every !== 0) return;
            const from = pane.time - length;
            const touched = keys(
              keyed.slide(
                from,
                added.filter(({ time }) => time > from),
              ),
            );
            added = [];
            const expected = recompute(all, from, pane.time);
            expect(contents(keyed)).toEqual(expected);
            expect(keyed.size).toBe(expected.size);
            const changed = new Set([...expected, ...before].map(([key]) => key));
            for (const key of changed) if (expected.get(key) !== before.get(key)) expect(touched).toContain(key);
            before = expected;

            const restored = new KeyedWindow<string, number>(options);
            restored.restore(all.filter(({ time }) => time > from && time <= pane.time));
            expect(contents(restored)).toEqual(expected);
          });
        }),
        propertySettings(),
      );
    },
  );

  it('equals recomputation with an inverse while numbers come and go that it could not take out, in any keys', () => {
    const value = fc.constantFrom(1, 2, -3, Infinity, -Infinity, Number.NaN);
    const pairs = fc.dictionary(fc.constantFrom('a', 'b', 'c'), value);
    const drawn = fc.array(fc.record({ gap: fc.integer({ min: 1, max: 2 }), pairs }), { maxLength: 30 });
    fc.assert(
      fc.property(drawn, fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 3 }), (all, length, every) => {
        const keyed = new KeyedWindow<string, number>({ reduce: (a, b) => a + b, inverse: (a, b) => a - b });
        let added: Pane<string, number>[] = [];
        timed(all).forEach((pane, i, allPanes) => {
          added.push(pane);
          if ((i + 1) % every !== 0) return;
          const from = pane.time - length;
          keyed.slide(
            from,
            added.filter(({ time }) => time > from),
          );
          added = [];
          expect(contents(keyed)).toEqual(recompute(allPanes, from, pane.time));
        });
      }),
      propertySettings(),
    );
  });

  it('keeps infinities of several keys that came in one batch', () => {
    const keyed = new KeyedWindow<string, number>({ reduce: (a, b) => a + b, inverse: (a, b) => a - b });
    const slide = (time: number, a: number, b: number) => {
      const partials = new Map([
        ['a', a],
        ['b', b],
      ]);
      keyed.slide(time - 3, [{ time, partials }]);
      return [keyed.get('a'), keyed.get('b')];
    };
    expect(slide(1, 1, 2)).toEqual([1, 2]);
    expect(slide(2, Infinity, Infinity)).toEqual([Infinity, Infinity]);
    expect(slide(3, 4, 5)).toEqual([Infinity, Infinity]);
    expect(slide(4, 6, 7)).toEqual([Infinity, Infinity]);
    expect(slide(5, 8, 9)).toEqual([18, 21]);
  });

  it.each([
    {
      kind: 'a pair',
      of: (sum: number) => [sum, 1] as unknown,
      reduce: (a: unknown, b: unknown) => (a as number[]).map((n, i) => n + (b as number[])[i]!),
      inverse: (a: unknown, b: unknown) => (a as number[]).map((n, i) => n - (b as number[])[i]!),
    },
    {
      kind: 'an object',
      of: (sum: number) => ({ sum }) as unknown,
      reduce: (a: unknown, b: unknown) => ({ sum: (a as { sum: number }).sum + (b as { sum: number }).sum }),
      inverse: (a: unknown, b: unknown) => ({ sum: (a as { sum: number }).sum - (b as { sum: number }).sum }),
    },
  ])('forgets NaN, infinities and large numbers within $kind when they have left', ({ of, reduce, inverse }) => {
    const keyed = new KeyedWindow<string, unknown>({ reduce, inverse });
    const values = [1, Number.NaN, 2, 3, 4, -Infinity, 5, 6, 7, 1e17, 0.5, 1, 2, 3, 4, 5];
    values.forEach((value, i) => {
      keyed.slide(i - 3, [{ time: i, partials: new Map([['k', of(value)]]) }]);
      const inWindow = values.slice(Math.max(i - 2, 0), i + 1);
      // The large number costs digits, for two windows at most.
      if (i < 9) expect(keyed.get('k')).toEqual(inWindow.map(of).reduce(reduce));
    });
    expect(keyed.get('k')).toEqual([3, 4, 5].map(of).reduce(reduce));
  });

  it('calls the inverse once a key, with the old values put together, before the new ones come in', () => {
    const calls: string[] = [];
    const keyed = new KeyedWindow<string, string>({
      reduce: (a, b) => {
        calls.push(`${a}+${b}`);
        return a + b;
      },
      inverse: (value, old) => {
        calls.push(`${value}-${old}`);
        return value.slice(old.length);
      },
    });
    const pane = (time: number, value: string) => ({ time, partials: new Map([['k', value]]) });
    keyed.slide(0, [pane(1, 'a'), pane(2, 'b'), pane(3, 'c')]);
    calls.length = 0;
    keyed.slide(2, [pane(4, 'd')]);
    expect(calls).toEqual(['a+b', 'abc-ab', 'c+d']);
    expect(keyed.get('k')).toBe('cd');
  });

  it('drops a key that the filter refuses, and forgets its panes', () => {
    const keyed = new KeyedWindow<string, number>({
      reduce: (a, b) => a + b,
      inverse: (a, b) => a - b,
      filter: ([, value]) => value !== 0,
    });
    const pane = (time: number, value: number) => ({ time, partials: new Map([['k', value]]) });
    keyed.slide(0, [pane(1, 2)]);
    expect(keys(keyed.slide(0, [pane(2, -2)]))).toEqual(['k']);
    expect(keyed.size).toBe(0);
    keyed.slide(0, [pane(3, 5)]);
    keyed.slide(2, []);
    expect(keyed.get('k')).toBe(5);
    keyed.slide(3, []);
    expect(keyed.size).toBe(0);
  });
});
