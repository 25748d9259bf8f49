import { describe, expect, it } from 'vitest';
import { PlaceIndex } from '../../src/state/placeIndex.js';

/** Spread evenly, and each of them once: a multiplication by an odd number loses nothing. */
const hashOf = (i: number) => Math.imul(i, 0x9e3779b1);

function placesOf(index: PlaceIndex, hash: number): number[] {
  const places: number[] = [];
  for (let place = index.first(hash); place >= 0; place = index.next(hash)) places.push(place);
  return places.sort((a, b) => a - b);
}

describe('PlaceIndex', () => {
  it('finds all places of a hash, and none that was removed', () => {
    const index = new PlaceIndex();
    for (let place = 0; place < 30; place++) index.add(place % 3, place);
    index.remove(1, 4);
    index.replace(1, 7, 1_000);
    expect(placesOf(index, 1)).toEqual([1, 10, 13, 16, 19, 22, 25, 28, 1_000]);
    expect(placesOf(index, 2)).toHaveLength(10);
    expect(placesOf(index, 3)).toEqual([]);
  });

  it('has room in proportion to what it has: also for more than one shard, and when most has gone', () => {
    const index = new PlaceIndex();
    const count = 100_000;
    for (let i = 0; i < count; i++) index.add(hashOf(i), i);
    expect(index.capacity).toBeLessThan(4 * count);
    for (let i = 0; i < count; i++) if (index.first(hashOf(i)) !== i) expect.fail(`${i} is not there`);
    for (let i = 100; i < count; i++) index.remove(hashOf(i), i);
    expect(index.capacity).toBeLessThan(1_000);
    for (let i = 0; i < count; i++) if (index.first(hashOf(i)) !== (i < 100 ? i : -1)) expect.fail(`${i}`);
    for (let i = 100; i < count; i++) index.add(hashOf(i), i);
    for (let i = 0; i < count; i++) if (index.first(hashOf(i)) !== i) expect.fail(`${i} has not come again`);
  });
});
