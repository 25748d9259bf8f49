import { setImmediate as nextTurn } from 'node:timers/promises';
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

type SavedEntry = readonly [key: Buffer, value: Buffer];
type Entry = readonly [Key, unknown];

const entriesPerPage = 20_000;
/** How long a restore keeps the event loop at a time, in ms: the batches of other tasks, and the heartbeats of the process, pass between. */
const sliceMs = 8;
const entriesPerLookAtTheClock = 64;

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
    const place = `${location}, state ${JSON.stringify(id)}`;
    const entries: LazyEntry[] = [];
    for await (const page of pagesOf(client, tables, job, id)) await readPage(page, place, entries);
    states.set(id, restoredState({ operator, signature, version }, entries));
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
async function* pagesOf(
  client: PostgresClient,
  tables: PostgresTables,
  job: string,
  id: string,
): AsyncGenerator<readonly SavedEntry[]> {
  let after = '0';
  for (;;) {
    const { rows } = await client.query(
      `select seq::text as number, coalesce(long_key, key) as key, value from ${tables.entries}
       where job = $1 and id = $2 and seq > $3 order by seq limit ${entriesPerPage}`,
      [job, id, after],
    );
    yield rows.map(({ key, value }): SavedEntry => [key, value]);
    if (rows.length < entriesPerPage) return;
    after = rows.at(-1).number;
  }
}

/** An entry, or the error with which it cannot be read: a state that is damaged can still be dropped. */
type LazyEntry = Entry | CorruptCheckpointError;

/** Decodes in slices of the event loop. */
async function readPage(page: readonly SavedEntry[], place: string, entries: LazyEntry[]): Promise<void> {
  let until = performance.now() + sliceMs;
  for (const [index, entry] of page.entries()) {
    if (index % entriesPerLookAtTheClock === 0 && performance.now() >= until) {
      await nextTurn();
      until = performance.now() + sliceMs;
    }
    entries.push(readEntry(place, entry));
  }
}

function restoredState(description: Omit<RestoredState, 'entries'>, entries: LazyEntry[]): RestoredState {
  return {
    ...description,
    *entries() {
      for (const entry of entries) {
        if (entry instanceof CorruptCheckpointError) throw entry;
        yield entry;
      }
      // Read once: the operator owns it now.
      entries.length = 0;
    },
  };
}

function readEntry(location: string, [key, value]: SavedEntry): LazyEntry {
  try {
    return [keyFromBytes(key), deserialize(value)];
  } catch (error) {
    return new CorruptCheckpointError(location, 0, `an entry cannot be read: ${(error as Error).message}`);
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
