import { foreachBatchInTransaction, type PostgresCheckpoint } from 'dstream/node';
import { Client } from 'pg';
import { failpoint } from '../../src/storage/failpoint.js';
import type { Written } from './judge.js';

/** Without any key: what is written twice is there twice. */
const create = 'create table if not exists crash_outputs (job text, name text, lines jsonb)';
const insert = 'insert into crash_outputs (job, name, lines) values ($1, $2, $3)';

/** Makes the table once, before the first life. */
export async function createOutputTable(url: string): Promise<void> {
  await withServer(url, (client) => client.query(create));
}

/** Writes the lines of each batch in the transaction that saves it. */
export function saveInTable<T>(
  checkpoint: PostgresCheckpoint,
  options: {
    readonly job: string;
    readonly name: string;
    /** A while, now short and now long. */
    pause(): Promise<unknown>;
    linesOf(records: readonly T[]): readonly string[];
  },
) {
  return foreachBatchInTransaction<T>(checkpoint, async (transaction, records, { time }) => {
    await options.pause();
    failpoint('insert:before');
    const values = [options.job, `${options.name}-${time}`, JSON.stringify(options.linesOf(records))];
    const sent = transaction.query(insert, values);
    failpoint('insert:sent');
    await sent;
    failpoint('insert:after');
  });
}

/** What a run has written: a batch that was written twice comes twice. */
export async function readTable(url: string, job: string): Promise<Written> {
  return withServer(url, async (client) => {
    const { rows } = await client.query('select name, lines from crash_outputs where job = $1', [job]);
    return rows.map(({ name, lines }) => [name, lines] as const);
  });
}

async function withServer<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
