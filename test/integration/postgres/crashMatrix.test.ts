import { expect, it } from 'vitest';
import { crashMatrix, defaultEnds } from '../../crash/matrix.js';
import { nightly } from '../../support/nightly.js';
import { describePostgres, postgresUrl } from '../../support/postgres.js';

describePostgres('the crash matrix on PostgreSQL', () => {
  // Nightly every point once, and as many at random; npm run crash makes more.
  it.each([
    ['all', nightly ? 40 : 16],
    // Late records too are written in the transaction of their batch.
    ['event time', nightly ? 100 : 6],
  ] as const)(
    'nothing is lost or doubled: state, progress and results are one transaction, operators: %s',
    {
      timeout: 600_000,
    },
    async (operators, crashes) => {
      const seed = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000);
      const ends = { ...defaultEnds('postgres'), operators };
      const result = await crashMatrix({ store: 'postgres', ends, postgresUrl, crashes, parallel: 2, seed });
      console.log(`${result.crashes} crashes in ${result.runs} runs, CRASH_SEED=${seed}`);
      expect(result.faults).toEqual([]);
      expect(result).toMatchObject({ lost: 0, doubled: 0 });
      expect(result.crashes).toBeGreaterThanOrEqual(crashes);
    },
  );
});
