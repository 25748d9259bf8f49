import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FilledPartials } from '../../src/eventtime/filledPartials.js';
import { FilledWindow } from '../../src/windows/filledWindow.js';
import type { SlotOperation } from '../../src/windows/slotColumns.js';

type Key = string;

const add = (a: number, b: number) => a + b;
const operations: Readonly<Record<string, SlotOperation<number>>> = {
  'with an exact inverse': { reduce: add, inverse: (a, b) => a - b, exact: true },
  'with an inverse that is refreshed': { reduce: add, inverse: (a, b) => a - b, exact: false },
  'without an inverse': { reduce: add },
  'without an inverse, worst case': { reduce: add, latency: 'worst-case' },
};

const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'),
      ahead: fc.nat({ max: 5 }),
      value: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 99 }) }, fc.constant(Number.NaN)),
    }),
  },
  { weight: 3, arbitrary: fc.record({ enter: fc.integer({ min: 1, max: 3 }), leave: fc.nat({ max: 4 }) }) },
  { weight: 1, arbitrary: fc.constant('put together again' as const) },
  { weight: 1, arbitrary: fc.constant('dissolve' as const) },
);

/** Panes by number, in the order in which their keys came. */
type Model = Map<number, Map<Key, number>>;

function expectedOf(entered: Model): (readonly [Key, number])[] {
  const values = new Map<Key, number>();
  for (const [, pane] of [...entered].sort(([a], [b]) => a - b)) {
    for (const [key, value] of pane) values.set(key, (values.get(key) ?? 0) + value);
  }
  return [...values];
}

describe.each(Object.entries(operations))('%s', (_, operation) => {
  it('visits the keys of the window in the order of their first panes, with their values', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        let window = new FilledWindow<Key, number>(operation);
        let open = new Map<number, FilledPartials<Key, number>>();
        const filling: Model = new Map();
        const entered: Model = new Map();
        let firstOpen = 0;

        const put = (pane: number, key: Key, value: number): void => {
          const filled = open.get(pane) ?? new FilledPartials<Key, number>(pane, window);
          open.set(pane, filled);
          const id = window.idOf(key);
          const place = id === undefined ? -1 : filled.placeOf(id);
          if (place >= 0) filled.partials[place] = add(filled.partials[place] as number, value);
          else filled.put(id ?? window.add(key, value), value);
        };
        const note = (panes: Model, pane: number, key: Key, value: number): void => {
          const values = panes.get(pane) ?? new Map<Key, number>();
          panes.set(pane, values.set(key, values.has(key) ? (values.get(key) as number) + value : value));
        };

        for (const each of steps) {
          if (each === 'put together again') {
            window = new FilledWindow(operation);
            open = new Map();
            const panes = [...entered].sort(([a], [b]) => a - b);
            window.slide(
              -Infinity,
              panes.map(([time, partials]) => ({ time, partials })),
            );
            for (const [pane, values] of filling) for (const [key, value] of values) put(pane, key, value);
          } else if (each === 'dissolve') {
            // As stragglers do: the window is built again from panes with more in them.
            const time = firstOpen++;
            const filled = open.get(time);
            open.delete(time);
            filling.delete(time);
            for (const [key, partial] of filled?.entries() ?? []) note(entered, time, key, partial);
            filled?.leave();
            note(entered, time, 'late', 1);
            const panes = [...entered].sort(([a], [b]) => a - b);
            window.slide(
              Infinity,
              panes.map(([number, partials]) => ({ time: number, partials: new Map(partials) })),
            );
          } else if ('enter' in each) {
            const end = firstOpen + each.enter;
            const first = end - 1 - each.leave;
            const added = [...open].filter(([pane]) => pane < end).sort(([a], [b]) => a - b);
            for (const [pane] of added) {
              open.delete(pane);
              entered.set(pane, filling.get(pane) as Map<Key, number>);
              filling.delete(pane);
            }
            for (const pane of entered.keys()) if (pane < first && pane < firstOpen) entered.delete(pane);
            window.slide(
              Math.min(first, firstOpen) - 1,
              added.map(([, filled]) => filled),
            );
            firstOpen = end;
          } else {
            put(firstOpen + each.ahead, each.key, each.value);
            note(filling, firstOpen + each.ahead, each.key, each.value);
          }
          const found: (readonly [Key, number])[] = [];
          window.forEach((value, key) => {
            found.push([key, value]);
          });
          expect(found).toEqual(expectedOf(entered));
          const keys = [...entered.values(), ...filling.values()].flatMap((values) => [...values.keys()]);
          expect(window.size).toBe(new Set(keys).size);
          for (const [pane, values] of filling) {
            for (const [key, value] of values) expect(open.get(pane)?.get(key)).toBe(value);
          }
          expect(
            window.lookUps().map(({ time, get, keys: all }) => [time, Array.from(all(), (key) => [key, get(key)])]),
          ).toEqual([...entered].sort(([a], [b]) => a - b).map(([time, values]) => [time, [...values]]));
        }
      }),
      { numRuns: 300 },
    );
  });
});

it('gives the ids of keys that have left to others', () => {
  const window = new FilledWindow<number, number>({ reduce: add });
  let most = 0;
  for (let pane = 0; pane < 100; pane++) {
    const filled = new FilledPartials<number, number>(pane, window, 10);
    for (let key = 10 * pane; key < 10 * pane + 10; key++) {
      const id = window.add(key, key);
      most = Math.max(most, id);
      filled.put(id, key);
    }
    window.slide(pane - 3, [filled]);
  }
  expect(window.size).toBe(30);
  expect(most).toBeLessThan(50);
});
