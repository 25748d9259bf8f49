// Writes each batch into a table of PostgreSQL, in the transaction that saves the batch: a process to be killed or stopped at
// any moment, and started again.
import { fromBatches, type Pair, updateStateByKey } from 'dstream';
import { foreachBatchInTransaction, postgresCheckpoint } from 'dstream/node';
import { Pool } from 'pg';

const [url = '', job = '', owner = '', pause = '0', transactionTimeout = '60000'] = process.argv.slice(2);
const pool = new Pool({ connectionString: url, max: 3 });
pool.on('error', () => {});
const checkpoint = postgresCheckpoint(pool, {
  job,
  transactionTimeout: Number(transactionTimeout),
  leaseTime: 1_000,
});
const batches = Array.from({ length: 60 }, (_, i): Pair<string, number>[] =>
  Array.from({ length: 1 + (i % 3) }, (_, k) => [`key-${(i * k) % 7}`, i] as const),
);
const say = (line: string) => void process.stdout.write(`${line}\n`);
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

fromBatches(batches, { interval: 5, checkpoint })
  .pipe(
    updateStateByKey((values: readonly number[], sum: number | undefined) => values.reduce((a, b) => a + b, sum ?? 0), {
      id: 'sums',
      call: 'touched',
    }),
    foreachBatchInTransaction(checkpoint, async (transaction, sums, { time, zeroTime }) => {
      const n = (time - zeroTime) / 5;
      say(`writing ${n}`);
      const insert = 'insert into results (job, batch, key, sum, owner) values ($1, $2, $3, $4, $5)';
      for (const [key, sum] of sums) {
        await transaction.query(insert, [job, n, key, sum, owner]);
        await sleep(Number(pause));
      }
    }),
  )
  .subscribe({
    complete: async () => {
      say('complete');
      await pool.end();
    },
    error: (error) => {
      say(`failed ${error.code} ${error.message}`);
      process.exit(1);
    },
  });
