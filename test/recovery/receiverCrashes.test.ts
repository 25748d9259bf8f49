import { expect, it } from 'vitest';
import { type CrashedEnds, pointsOf } from '../crash/checkpoints.js';
import { crashMatrix } from '../crash/matrix.js';
import { nightly } from '../support/nightly.js';

// Some points and some moments; nightly as many as every point needs once, with as many at random between them.
const cells: readonly (readonly [store: string, crashes: number])[] = [
  ['file', nightly ? 110 : 40],
  ['keyed', nightly ? 110 : 10],
];

it.each(cells)(
  'what a receiver was told is stored is written once and in order, whenever it is killed: %s',
  {
    timeout: 600_000,
  },
  async (store, crashes) => {
    const seed = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000);
    const ends: CrashedEnds = { source: 'receiver', output: 'files' };
    const result = await crashMatrix({ store, ends, crashes, parallel: 4, seed });
    console.log(`${result.crashes} crashes in ${result.runs} runs, CRASH_SEED=${seed}`);
    expect(result.faults).toEqual([]);
    expect(result).toMatchObject({ lost: 0, doubled: 0 });
    expect(result.crashes).toBeGreaterThanOrEqual(crashes);
    for (const point of nightly ? pointsOf(store, ends) : [])
      expect(result.points[point]?.crashes, point).toBeGreaterThanOrEqual(1);
  },
);
