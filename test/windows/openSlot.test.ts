import fc from 'fast-check';
import { expect, it } from 'vitest';
import { OpenSlot } from '../../src/windows/openSlot.js';

it('knows the places of its partials in all panes that are open, in whatever order they come', () => {
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ put: fc.integer({ min: 0, max: 12 }) }) },
    { weight: 1, arbitrary: fc.record({ release: fc.integer({ min: 1, max: 6 }) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const slot = new OpenSlot<string, number>('a', 0);
      const places = new Map<number, number>();
      let firstOpen = -Infinity;
      let next = 0;
      for (const each of steps) {
        if ('put' in each) {
          const pane = Math.max(firstOpen, 0) + each.put;
          if (!places.has(pane)) {
            slot.put(pane, next, firstOpen);
            places.set(pane, next++);
          }
        } else {
          firstOpen = Math.max(firstOpen, 0) + each.release;
          for (const pane of places.keys()) {
            if (pane >= firstOpen) continue;
            places.delete(pane);
            slot.entered();
          }
        }
        expect(slot.open).toBe(places.size);
        for (let pane = Math.max(firstOpen, 0); pane < Math.max(firstOpen, 0) + 14; pane++) {
          expect(slot.placeIn(pane)).toBe(places.get(pane) ?? -1);
        }
      }
    }),
  );
});
