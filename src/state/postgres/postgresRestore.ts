import { deserialize } from 'node:v8';
import { CorruptCheckpointError } from '../../batch/errors.js';
import type { Key } from '../../batch/key.js';
import { keyFromBytes } from '../../storage/keyBytes.js';
import { LoopSlices } from '../../storage/loopSlices.js';
import type { PlannedBatch, RestoredCheckpoint, RestoredState } from '../checkpoint.js';
import type { Salvage } from '../damage.js';
import { restoredCheckpoint } from '../restoredCheckpoint.js';
import { withSalvageHint } from '../salvageHint.js';
import { jobCommand } from './jobCommand.js';
import type { JobPlace, JobRow } from './postgresLease.js';
import type { PostgresClient } from './postgresPool.js';
import type { PostgresTables } from './postgresTables.js';

/** What a job holds when it is opened. */
export interface OpenedJob {
  readonly restored: RestoredCheckpoint | undefined;
  /** The number of the last entry: later ones are numbered on. */
  readonly lastSeq: number;
}

interface SavedEntry {
  readonly number: string;
  readonly key: Buffer;
  readonly value: Buffer;
}
type Entry = readonly [Key, unknown];

const entriesPerPage = 20_000;

/**
 * Reads what a job has saved, when its new epoch has begun.
 *
 * @param salvage entries that cannot be read are left out. Default: such a state fails when it is read
 */
export async function readJob(
  client: PostgresClient,
  { tables, job, location }: JobPlace,
  row: JobRow,
  salvage?: Salvage,
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
    if (salvage) tellDamaged(entries, { location, id }, salvage);
    states.set(id, restoredState({ operator, signature, version }, entries, job));
  }
  const last = await client.query(`select coalesce(max(seq), 0)::text as seq from ${tables.entries} where job = $1`, [
    job,
  ]);
  return { restored: restoredFrom(row, planned, states), lastSeq: Number(last.rows[0].seq) };
}

async function readPlanned(client: PostgresClient, tables: PostgresTables, job: string): Promise<PlannedBatch[]> {
  const { rows } = await client.query(
    `select time::text, zero_time::text, interval::text, ranges::text, attempts, selection
     from ${tables.planned} where job = $1 order by planned_batches.time`,
    [job],
  );
  return rows.map(({ time, zero_time, interval, ranges, attempts, selection }) => ({
    time: Number(time),
    zeroTime: Number(zero_time),
    interval: Number(interval),
    ranges: JSON.parse(ranges),
    ...(attempts > 0 && { attempts }),
    ...(selection !== null && { selection }),
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
    yield rows as readonly SavedEntry[];
    if (rows.length < entriesPerPage) return;
    after = rows.at(-1).number;
  }
}

interface DamagedEntry {
  readonly saved: SavedEntry;
  readonly error: CorruptCheckpointError;
}

/** An entry, or the error with which it cannot be read: a state that is damaged can still be dropped. */
type LazyEntry = Entry | DamagedEntry;

/** Decodes in slices of the event loop. */
async function readPage(page: readonly SavedEntry[], place: string, entries: LazyEntry[]): Promise<void> {
  const slices = new LoopSlices();
  for (const [index, entry] of page.entries()) {
    if (slices.isOver(index)) await slices.next();
    entries.push(readEntry(place, entry));
  }
}

function restoredState(description: Omit<RestoredState, 'entries'>, entries: LazyEntry[], job: string): RestoredState {
  const command = (action: string) => jobCommand(job, action);
  return {
    ...description,
    *entries() {
      for (const entry of entries) {
        if ('error' in entry) throw withSalvageHint(entry.error, { command });
        yield entry;
      }
      // Read once: the operator owns it now.
      entries.length = 0;
    },
  };
}

function readEntry(place: string, saved: SavedEntry): LazyEntry {
  try {
    return [keyFromBytes(saved.key), deserialize(saved.value)];
  } catch (error) {
    const reason = `an entry cannot be read: ${(error as Error).message}`;
    return { saved, error: new CorruptCheckpointError(place, 0, reason) };
  }
}

/** Takes the entries out that cannot be read. */
function tellDamaged(
  entries: LazyEntry[],
  { location, id }: { readonly location: string; readonly id: string },
  { damaged }: Salvage,
): void {
  const whole = entries.filter((entry) => {
    if (!('error' in entry)) return true;
    const { saved, error } = entry;
    damaged({ place: location, offset: Number(saved.number), state: id, ...keyOf(saved.key), reason: error.reason });
    return false;
  });
  entries.length = 0;
  for (const entry of whole) entries.push(entry);
}

function keyOf(bytes: Buffer): { readonly key?: Key } {
  try {
    return { key: keyFromBytes(bytes) };
  } catch {
    return {};
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
