import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdPlaces } from '../../src/collections/idPlaces.js';

const ids: Readonly<Record<string, (i: number) => number>> = {
  'in a row': (i) => i,
  'at a distance of 1,024': (i) => 1_024 * i,
  'from the highest down': (i) => 0x7ffffffe - i,
};

describe.each(Object.entries(ids))('ids %s', (_, idOf) => {
  it.each([
    [0, 0],
    [10, 1_000],
    [5_000, 5_000],
    [500, 1_000],
  ])('have the places that they were given, where %i of %i were expected', (expected, range) => {
    const places = new IdPlaces(expected, range);
    const all = Array.from({ length: 3_000 }, (_, i) => i);
    const before = all.map((i) => {
      const place = places.get(idOf(i));
      places.add(idOf(i), i);
      return place;
    });
    expect(new Set(before)).toEqual(new Set([-1]));
    expect(places.size).toBe(3_000);
    expect(all.map((i) => places.get(idOf(i)))).toEqual(all);
    expect(places.get(idOf(3_000))).toBe(-1);
  });
});

it('maps any ids', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.nat({ max: 0x7ffffffe }), { maxLength: 200 }),
      fc.nat({ max: 300 }),
      fc.nat({ max: 1_000 }),
      (all, expected, range) => {
        const places = new IdPlaces(expected, range);
        const half = all.length >> 1;
        for (const [place, id] of all.slice(0, half).entries()) places.add(id, place);
        expect(all.map((id) => places.get(id))).toEqual(all.map((_, i) => (i < half ? i : -1)));
      },
    ),
  );
});
