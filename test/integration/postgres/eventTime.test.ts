import { postgresCheckpoint } from 'dstream/node';
import { it } from 'vitest';
import { goesOnAfterCrashes } from '../../eventtime/throughStore.js';
import { nightly } from '../../support/nightly.js';
import { describePostgres, newName, newPool } from '../../support/postgres.js';

describePostgres('event-time windows and sessions in postgresCheckpoint', () => {
  it('go on after a crash as if there had been none', { timeout: 600_000 }, async () => {
    const pool = newPool();
    await goesOnAfterCrashes(() => postgresCheckpoint(pool, { job: newName() }), { numRuns: nightly ? 100 : 2 });
    await pool.end();
  });
});
