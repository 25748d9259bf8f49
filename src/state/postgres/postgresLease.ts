import { CorruptCheckpointError } from '../../batch/errors.js';
import { Heartbeat } from '../../storage/heartbeat.js';
import { LeaseWatch } from '../../storage/leaseWatch.js';
import { type LockOwner, newOwner } from '../../storage/lockOwner.js';
import { dropLease, holdLease, isFree } from '../../storage/ownLeases.js';
import type { Acquisition } from '../../storage/takeover.js';
import { within } from '../../storage/within.js';
import { type PostgresClient, type PostgresPool, withClient } from './postgresPool.js';
import { format, type PostgresTables } from './postgresTables.js';

/** A job, in a database. */
export interface JobPlace {
  readonly pool: PostgresPool;
  readonly tables: PostgresTables;
  readonly job: string;
  readonly location: string;
}

/** What the row of a job has when its new epoch begins. */
export type JobRow = Readonly<Record<'epoch', string>> &
  Readonly<Record<'zero_time' | 'interval' | 'time' | 'positions', string | null>>;

/** Its lease is not held for longer than this by a database that does not answer, when it is released, in ms. */
const releaseTimeoutMs = 5_000;

/**
 * The lease of a job: a row that counts the signs of life of its owner. The epoch of the job is what fences an owner; the lease
 * only says when that is due.
 */
export class PostgresLease {
  readonly #place: JobPlace;
  readonly #epoch: string;
  readonly #owner: LockOwner;
  readonly #heartbeat: Heartbeat;

  private constructor(place: JobPlace, epoch: string, owner: LockOwner, leaseTime: number) {
    this.#place = place;
    this.#epoch = epoch;
    this.#owner = owner;
    holdLease(owner);
    this.#heartbeat = new Heartbeat(leaseTime, () => this.#query('update $leases set beat = beat + 1'));
  }

  /**
   * Begins a new epoch of the job, when its owner has left or its lease is over.
   *
   * @throws {CheckpointError} when another stream of this process owns it, or another process and it is to be refused then
   * @throws {CorruptCheckpointError} when the tables are of an unknown version
   */
  static async take(
    place: JobPlace,
    acquisition: Acquisition,
  ): Promise<{ readonly lease: PostgresLease; readonly row: JobRow }> {
    const owner = newOwner(acquisition.leaseTime);
    const watch = new LeaseWatch(place.location, acquisition);
    for (;;) {
      const watched = await withClient(place.pool, (client) => readOwner(client, place));
      if (await isFree(watched.owner, watch, place.location, acquisition)) {
        // Nobody waits for it any longer: it would fence the one that has it now.
        acquisition.signal?.throwIfAborted();
        const row = await withClient(place.pool, (client) => beginEpoch(client, place, watched.epoch, owner));
        if (row) return { row, lease: new PostgresLease(place, row.epoch, owner, acquisition.leaseTime) };
      }
      await watch.pause();
    }
  }

  /** Releases the job when `closed` has settled; never fails. */
  release(closed: Promise<unknown>): Promise<void> {
    return dropLease(
      this.#owner,
      closed.then(() => within(releaseTimeoutMs, this.#release(), { ref: false })),
    );
  }

  async #release(): Promise<void> {
    await this.#heartbeat.stop();
    await this.#query('delete from $leases');
  }

  #query(statement: string): Promise<unknown> {
    const { pool, tables, job } = this.#place;
    const text = `${statement.replace('$leases', tables.leases)} where job = $1 and epoch = $2`;
    return withClient(pool, (client) => client.query(text, [job, this.#epoch]));
  }
}

/** The epoch of a job, and who has a lease on it. */
async function readOwner(
  client: PostgresClient,
  { tables, job, location }: JobPlace,
): Promise<{ readonly epoch: string | null; readonly owner: LockOwner | undefined }> {
  const { rows } = await client.query(
    `select jobs.epoch::text, jobs.format, leases.owner, leases.beat::text
     from ${tables.jobs} as jobs left join ${tables.leases} as leases using (job, epoch) where job = $1`,
    [job],
  );
  const [row] = rows;
  if (!row) return { epoch: null, owner: undefined };
  if (row.format !== format) {
    throw new CorruptCheckpointError(location, 0, `it has format ${row.format}, and only format ${format} can be read`);
  }
  return { epoch: row.epoch, owner: row.owner === null ? undefined : { ...JSON.parse(row.owner), beat: row.beat } };
}

/** Returns `undefined` when another has begun an epoch since this one was read. */
async function beginEpoch(
  client: PostgresClient,
  { tables, job }: JobPlace,
  watched: string | null,
  owner: LockOwner,
): Promise<JobRow | undefined> {
  // Waits for a save in progress: what it commits is read afterwards, and it is the last one of its epoch.
  const { rows } = await client.query(
    `with begun as (
       insert into ${tables.jobs} as jobs (job, format, epoch) values ($1, $2, 1)
       on conflict (job) do update set epoch = jobs.epoch + 1 where jobs.format = $2 and jobs.epoch = $3::bigint
       returning job, epoch, zero_time, interval, time, positions
     ), leased as (
       insert into ${tables.leases} (job, epoch, beat, owner) select job, epoch, 0, $4 from begun
       on conflict (job) do update set epoch = excluded.epoch, beat = 0, owner = excluded.owner
     )
     select epoch::text, zero_time::text, interval::text, time::text, positions::text from begun`,
    [job, format, watched, JSON.stringify(owner)],
  );
  return rows[0];
}
