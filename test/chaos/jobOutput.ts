import { setTimeout as sleep } from 'node:timers/promises';
import { type Batch, foreachBatch, foreachPartition, mapRecords } from 'dstream';
import { sendToKafka } from 'dstream/kafka';
import { foreachBatchInTransaction, type PostgresCheckpoint } from 'dstream/node';
import type { Kafka } from 'kafkajs';
import type { Pool } from 'pg';
import type { OperatorFunction } from 'rxjs';
import type { JobConfig, OutputMood } from './modes.js';

/** What the job writes of a record: its number is counted in the state of its partition. */
export type Numbered = readonly [partition: number, offset: number, value: string, n: number];

/** The output of the job's mode, which can be made to hang or throw. */
export interface JobOutput {
  readonly write: OperatorFunction<Batch<Numbered>, unknown>;
  misbehave(command: OutputMood): void;
}

interface Queries {
  query(text: string, values: unknown[]): Promise<{ readonly rowCount: number | null }>;
}

const insertRows = `insert into chaos_rows (job, partition, at, value, n)
  select $1, * from unnest($2::int[], $3::bigint[], $4::text[], $5::bigint[])`;

export function jobOutput(
  { mode, job, output, planted }: JobConfig,
  {
    kafka,
    pool,
    checkpoint,
  }: { readonly kafka: Kafka; readonly pool: Pool; readonly checkpoint: PostgresCheckpoint | undefined },
): JobOutput {
  let mood: OutputMood = 'output-well';
  const suffer = async () => {
    if (mood === 'output-hangs') await new Promise(() => {});
    if (mood === 'output-throws') throw new Error('the output was asked to throw');
  };
  const insert = (client: Queries, rows: readonly Numbered[]) =>
    client.query(insertRows, [job, ...[0, 1, 2, 3].map((column) => rows.map((row) => row[column]))]);

  /** Once for each id: the id and its rows are one transaction. */
  const writeOnce = async (id: string, rows: readonly Numbered[]) => {
    const client = await pool.connect();
    // While it is out of the pool, nobody else hears that its connection was lost; the query fails anyway.
    const ignore = () => {};
    client.on('error', ignore);
    try {
      await client.query('begin');
      const { rowCount } = await client.query('insert into chaos_ids values ($1, $2) on conflict do nothing', [
        job,
        id,
      ]);
      if (rowCount === 1) await insert(client, rows);
      await client.query('commit');
    } catch (error) {
      client.release(true);
      throw error;
    }
    client.off('error', ignore);
    client.release();
  };

  const misbehave: JobOutput['misbehave'] = (command) => {
    mood = command;
  };
  if (planted === 'unclaimed-writes') {
    // Nothing waits for what is written later: the batch is complete at once.
    const write = (rows: readonly Numbered[]) => void sleep(500).then(() => insert(pool, rows));
    return { misbehave, write: foreachBatch<Numbered>(write) };
  }
  if (planted === 'bad-manners') {
    const write = async (rows: readonly Numbered[]) => {
      await insert(pool, rows);
      await sleep(400);
    };
    return { misbehave, write: foreachBatch<Numbered>(write) };
  }
  if (mode === 'transactions') {
    return {
      misbehave,
      write: (source) =>
        source.pipe(
          foreachBatch(suffer),
          mapRecords((row) => ({ partition: row[0], value: JSON.stringify(row) })),
          sendToKafka(kafka, { topic: output, groupId: job, transactionTimeout: 15_000 }),
        ),
    };
  }
  if (checkpoint) {
    return {
      misbehave,
      write: foreachBatchInTransaction<Numbered>(checkpoint, async (transaction, rows) => {
        await suffer();
        if (rows.length > 0) await insert(transaction as Queries, rows);
      }),
    };
  }
  return {
    misbehave,
    write: foreachPartition<Numbered>(async ({ records }, { id }) => {
      await suffer();
      if (records.length > 0) await writeOnce(id, records);
    }),
  };
}
