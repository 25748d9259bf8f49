import { describe, expect, it } from 'vitest';
import { crashMatrix } from '../../crash/matrix.js';
import { brokers, describeKafka } from '../../support/kafka.js';
import { postgresUrl } from '../../support/postgres.js';

// Without either of them it is left out, which npm test says loudly.
const describeBoth = postgresUrl === '' ? describe.skip : describeKafka;

describeBoth('the crash matrix from Kafka to PostgreSQL', () => {
  it('nothing is lost or doubled', { timeout: 600_000 }, async () => {
    const seed = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000);
    const result = await crashMatrix({
      store: 'postgres',
      ends: { source: 'kafka', output: 'table' },
      postgresUrl,
      brokers: brokers.join(','),
      crashes: 12,
      parallel: 2,
      seed,
    });
    console.log(`${result.crashes} crashes in ${result.runs} runs, CRASH_SEED=${seed}`);
    expect(result.faults).toEqual([]);
    expect(result).toMatchObject({ lost: 0, doubled: 0 });
    expect(result.crashes).toBeGreaterThanOrEqual(12);
  });
});
