import { expect, it } from 'vitest';
import { type CrashedEnds, pointsOf } from '../crash/checkpoints.js';
import { crashMatrix, defaultEnds } from '../crash/matrix.js';
import { nightly } from '../support/nightly.js';

// Some points and some moments; nightly every point at its first, second and tenth time, with as many at random between them.
const cells: readonly (readonly [store: string, operators: NonNullable<CrashedEnds['operators']>, crashes: number])[] =
  [
    ['file', 'all', nightly ? 300 : 30],
    ['keyed', 'all', nightly ? 120 : 10],
    ['lmdb', 'all', nightly ? 120 : 24],
    ['tiered', 'all', nightly ? 120 : 12],
    ['file', 'event time', nightly ? 200 : 12],
    ...(nightly
      ? ([
          ['lmdb', 'event time', 120],
          ['tiered', 'event time', 120],
        ] as const)
      : []),
  ];

it.each(cells)(
  'nothing is lost or doubled, checkpoint: %s, operators: %s, crashes: %i',
  {
    timeout: 600_000,
  },
  async (store, operators, crashes) => {
    const seed = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000);
    const result = await crashMatrix({ store, ends: { ...defaultEnds(store), operators }, crashes, parallel: 4, seed });
    console.log(`${result.crashes} crashes in ${result.runs} runs, CRASH_SEED=${seed}`);
    expect(result.faults).toEqual([]);
    expect(result).toMatchObject({ lost: 0, doubled: 0 });
    expect(result.crashes).toBeGreaterThanOrEqual(crashes);
    for (const point of nightly ? pointsOf(store, defaultEnds(store)) : []) {
      expect(result.points[point]?.crashes, point).toBeGreaterThanOrEqual(3);
    }
  },
);
