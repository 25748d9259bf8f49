import fc from 'fast-check';
import { expect, it } from 'vitest';
import { FilledPartials } from '../../src/eventtime/filledPartials.js';
import { OpenKeys } from '../../src/eventtime/openKeys.js';

it('a key keeps its id while a pane has it, whatever panes open and leave', () => {
  const fill = fc.record({ pane: fc.nat({ max: 5 }), keys: fc.array(fc.nat({ max: 200 }), { maxLength: 100 }) });
  const step = fc.oneof(fill, fc.nat({ max: 5 }));
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const keys = new OpenKeys<string>();
      const panes = new Map<number, FilledPartials<string, number>>();
      const model = new Map<number, Map<string, number>>();
      for (const each of steps) {
        const number = typeof each === 'number' ? each : each.pane;
        if (typeof each === 'number') {
          panes.get(number)?.leave();
          panes.delete(number);
          model.delete(number);
          continue;
        }
        const pane = panes.get(number) ?? new FilledPartials<string, number>(number, keys, each.keys.length >> 2);
        const expected = model.get(number) ?? new Map<string, number>();
        panes.set(number, pane);
        model.set(number, expected);
        for (const [value, key] of each.keys.map(String).entries()) {
          if (pane.get(key) === undefined) pane.put(keys.idOf(key) ?? keys.add(key), value);
          expected.set(key, expected.get(key) ?? value);
        }
      }
      for (const [number, pane] of panes) {
        const visited: (readonly [string, number])[] = [];
        pane.forEach((value, key) => {
          visited.push([key, value]);
        });
        expect(visited).toEqual([...(model.get(number) ?? [])]);
        expect([...pane.entries()]).toEqual(visited);
      }
      expect(keys.size).toBe(new Set([...model.values()].flatMap((each) => [...each.keys()])).size);
    }),
  );
});
