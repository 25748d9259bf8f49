import { deserialize } from 'node:v8';
import { CorruptCheckpointError } from '../../batch/errors.js';
import type { Key } from '../../batch/key.js';
import { keyFromBytes } from '../../storage/keyBytes.js';
import type { PlannedBatch, RestoredCheckpoint, RestoredState } from '../checkpoint.js';
import { restoredCheckpoint } from '../restoredCheckpoint.js';
import type { JobPlace, JobRow } from './postgresLease.js';
import type { PostgresClient } from './postgresPool.js';
import type { PostgresTables } from './postgresTables.js';

/** What a job holds when it is opened. */
export interface OpenedJob {
  readonly restored: RestoredCheckpoint | undefined;
  /** The number of the last entry: later ones are numbered on. */
  readonly lastSeq: number;
}

type Entry = readonly [key: Buffer, value: Buffer];

const entriesPerPage = 20_000;

/** Reads what a job has saved, when its new epoch has begun. */
export async function readJob(
  client: PostgresClient,
  { tables, job, location }: JobPlace,
  row: JobRow,
): Promise<OpenedJob> {
  const planned = await readPlanned(client, tables, job);
  const states = new Map<string, RestoredState>();
  const described = await client.query(
    `select id, operator, signature, version from ${tables.states} where job = $1 order by id`,
    [job],
  );
  for (const { id, operator, signature, version } of described.rows) {
    const entries = await readEntries(client, tables, job, id);
    states.set(
      id,
      restoredState(`${location}, state ${JSON.stringify(id)}`, { operator, signature, version }, entries),
    );
  }
  const last = await client.query(`select coalesce(max(seq), 0)::text as seq from ${tables.entries} where job = $1`, [
    job,
  ]);
  return { restored: restoredFrom(row, planned, states), lastSeq: Number(last.rows[0].seq) };
}

async function readPlanned(client: PostgresClient, tables: PostgresTables, job: string): Promise<PlannedBatch[]> {
  const { rows } = await client.query(
    `select time::text, zero_time::text, interval::text, ranges::text, attempts
     from ${tables.planned} where job = $1 order by planned_batches.time`,
    [job],
  );
  return rows.map(({ time, zero_time, interval, ranges, attempts }) => ({
    time: Number(time),
    zeroTime: Number(zero_time),
    interval: Number(interval),
    ranges: JSON.parse(ranges),
    ...(attempts > 0 && { attempts }),
  }));
}

/** Page by page, so that no response of the server holds all entries. */
async function readEntries(client: PostgresClient, tables: PostgresTables, job: string, id: string): Promise<Entry[]> {
  const entries: Entry[] = [];
  let after = '0';
  for (;;) {
    const { rows } = await client.query(
      `select seq::text as number, coalesce(long_key, key) as key, value from ${tables.entries}
       where job = $1 and id = $2 and seq > $3 order by seq limit ${entriesPerPage}`,
      [job, id, after],
    );
    for (const { key, value } of rows) entries.push([key, value]);
    if (rows.length < entriesPerPage) return entries;
    after = rows.at(-1).number;
  }
}

function restoredState(location: string, description: Omit<RestoredState, 'entries'>, entries: Entry[]): RestoredState {
  return {
    ...description,
    *entries() {
      for (const entry of entries) yield readEntry(location, entry);
      // Read once: the operator owns it now.
      entries.length = 0;
    },
  };
}

function readEntry(location: string, [key, value]: Entry): readonly [Key, unknown] {
  try {
    return [keyFromBytes(key), deserialize(value)];
  } catch (error) {
    throw new CorruptCheckpointError(location, 0, `an entry cannot be read: ${(error as Error).message}`);
  }
}

function restoredFrom(
  job: JobRow,
  planned: readonly PlannedBatch[],
  states: ReadonlyMap<string, RestoredState>,
): RestoredCheckpoint | undefined {
  const last =
    job.time === null
      ? undefined
      : {
          time: Number(job.time),
          zeroTime: Number(job.zero_time),
          interval: Number(job.interval),
          positions: JSON.parse(job.positions ?? '{}'),
        };
  return restoredCheckpoint(last, planned, { stateIds: [...states.keys()], state: (id) => states.get(id) });
}
