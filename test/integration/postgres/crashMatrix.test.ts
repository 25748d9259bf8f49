import { expect, it } from 'vitest';
import { crashMatrix } from '../../crash/matrix.js';
import { nightly } from '../../support/nightly.js';
import { describePostgres, postgresUrl } from '../../support/postgres.js';

describePostgres('the crash matrix on PostgreSQL', () => {
  // Nightly every point once, and as many at random; npm run crash makes more.
  it('nothing is lost or doubled: state, progress and results are one transaction', { timeout: 600_000 }, async () => {
    const seed = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000);
    const crashes = nightly ? 40 : 16;
    const result = await crashMatrix({ store: 'postgres', postgresUrl, crashes, parallel: 2, seed });
    console.log(`${result.crashes} crashes in ${result.runs} runs, CRASH_SEED=${seed}`);
    expect(result.faults).toEqual([]);
    expect(result).toMatchObject({ lost: 0, doubled: 0 });
    expect(result.crashes).toBeGreaterThanOrEqual(crashes);
  });
});
