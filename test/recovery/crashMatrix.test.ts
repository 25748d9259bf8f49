import { expect, it } from 'vitest';
import { pointsOf } from '../crash/checkpoints.js';
import { crashMatrix, defaultEnds } from '../crash/matrix.js';
import { nightly } from '../support/nightly.js';

// Some points and some moments; nightly every point at its first, second and tenth time, with as many at random between them.
it.each([
  ['file', nightly ? 300 : 60],
  ['lmdb', nightly ? 120 : 24],
  ['tiered', nightly ? 120 : 24],
])('nothing is lost or doubled, checkpoint: %s, crashes: %i', { timeout: 600_000 }, async (store, crashes) => {
  const seed = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000);
  const result = await crashMatrix({ store, crashes, parallel: 4, seed });
  console.log(`${result.crashes} crashes in ${result.runs} runs, CRASH_SEED=${seed}`);
  expect(result.faults).toEqual([]);
  expect(result).toMatchObject({ lost: 0, doubled: 0 });
  expect(result.crashes).toBeGreaterThanOrEqual(crashes);
  for (const point of nightly ? pointsOf(store, defaultEnds(store)) : []) {
    expect(result.points[point]?.crashes, point).toBeGreaterThanOrEqual(3);
  }
});
