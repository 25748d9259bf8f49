import { expect, it } from 'vitest';
import { commonPoints, stores } from '../crash/checkpoints.js';
import { crashMatrix } from '../crash/matrix.js';

it.each(Object.keys(stores))(
  'nothing is lost or doubled by 300 crashes, checkpoint: %s',
  { timeout: 600_000 },
  async (store) => {
    const seed = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000);
    const result = await crashMatrix({ store, crashes: 300, parallel: 4, seed });
    console.log(`${result.crashes} crashes in ${result.runs} runs, CRASH_SEED=${seed}`);
    expect(result.faults).toEqual([]);
    expect(result).toMatchObject({ lost: 0, doubled: 0 });
    const points = [...commonPoints, ...(stores[store]?.points ?? [])];
    expect(points.length).toBeGreaterThanOrEqual(20);
    // Each at its first, second and tenth time.
    for (const point of points) expect(result.points[point]?.crashes, point).toBeGreaterThanOrEqual(3);
  },
);
