import { serialize } from 'node:v8';
import { defer, from, type Observable, type ObservableInput } from 'rxjs';
import { CheckpointError, DStreamError, FencedError } from '../../batch/errors.js';
import { lookupBytes } from '../../storage/keyBytes.js';
import { type EncodedChange, encodeChange } from '../../storage/keyedChange.js';
import { within } from '../../storage/within.js';
import type {
  CheckpointSession,
  CheckpointUsage,
  PlannedBatch,
  RestoredCheckpoint,
  SavedBatch,
  StateChange,
} from '../checkpoint.js';
import { BatchTransaction, type TransactionEffect } from './batchTransaction.js';
import type { JobPlace, PostgresLease } from './postgresLease.js';
import { type PostgresQueries, withClient } from './postgresPool.js';
import type { OpenedJob } from './postgresRestore.js';
import { PostgresTransaction } from './postgresTransaction.js';

/** Where the session of a job reads and writes. */
export interface PostgresJob extends JobPlace {
  readonly transactionTimeout: number;
}

/** How many entries one statement writes at most. */
const entriesPerStatement = 2_000;

/** An opened job: one epoch of it. */
export class PostgresSession implements CheckpointSession {
  readonly restored: RestoredCheckpoint | undefined;
  readonly #job: PostgresJob;
  readonly #epoch: string;
  readonly #lease: PostgresLease;
  /** Batches whose outputs have a transaction, oldest first. */
  readonly #open = new Map<number, BatchTransaction>();
  /** The one in which a batch is saved. */
  #saving: BatchTransaction | undefined;
  readonly #running = new Set<Promise<unknown>>();
  /** Ends what the server has not answered when closing has waited for it. */
  readonly #givenUp = new AbortController();
  /** Of the save that was asked for last. */
  #saved: Promise<void> = Promise.resolve();
  #seq: number;
  #closed = false;

  constructor(job: PostgresJob, epoch: string, lease: PostgresLease, { restored, lastSeq }: OpenedJob) {
    this.#job = job;
    this.#lease = lease;
    this.#epoch = epoch;
    this.#seq = lastSeq;
    this.restored = restored;
  }

  encode(change: StateChange): EncodedChange<StateChange> {
    return encodeChange(change, serialize);
  }

  usage(): CheckpointUsage {
    return { generation: Number(this.#epoch) };
  }

  plan(batch: PlannedBatch): ObservableInput<unknown> {
    return defer(() => this.#run(`plan the batch of time ${batch.time}`, () => this.#plan(batch)));
  }

  save(batch: SavedBatch): ObservableInput<unknown> {
    return defer(() => {
      // In transactions of their own, a later batch could be in effect first, or without one before it that failed.
      const before = this.#saved;
      this.#saved = this.#run(`save the batch of time ${batch.time}`, () => before.then(() => this.#save(batch)));
      return from(this.#saved);
    });
  }

  close(): ObservableInput<unknown> {
    return defer(() => this.#lease.release(this.#close()));
  }

  /**
   * Writes in the transaction in which the batch of this time will be saved. It begins when that of the batch before is over: two at
   * once could wait for each other in a way that the server cannot see.
   */
  inTransaction(time: number, effect: TransactionEffect): Observable<never> {
    return defer(() => {
      let open = this.#open.get(time);
      if (!open) {
        const before = [...this.#open.values()].at(-1)?.over ?? Promise.resolve();
        open = new BatchTransaction(() => before.then(() => this.#beginFor(time)));
        this.#open.set(time, open);
      }
      return open.run(effect);
    });
  }

  /**
   * What a failure is reported as. A process that was suspended for long finds its connection closed: it must still report
   * that another process has taken over.
   */
  async failure(action: string, cause: unknown): Promise<unknown> {
    if (cause instanceof DStreamError) return cause;
    const { location } = this.#job;
    return (await this.wasFenced()) ? new FencedError(location) : new CheckpointError(location, action, { cause });
  }

  async wasFenced(): Promise<boolean> {
    const { pool, tables, job } = this.#job;
    const query = `select epoch::text from ${tables.jobs} where job = $1`;
    try {
      const { rows } = await withClient(pool, (client) => client.query(query, [job]), this.#givenUp.signal);
      return rows[0]?.epoch !== this.#epoch;
    } catch {
      return false;
    }
  }

  async #beginFor(time: number): Promise<PostgresTransaction> {
    try {
      return await this.#begin();
    } catch (cause) {
      throw await this.failure(`begin the transaction of the batch of time ${time}`, cause);
    }
  }

  #begin(): Promise<PostgresTransaction> {
    const { pool, transactionTimeout, location } = this.#job;
    if (this.#closed) {
      const cause = new Error('it is closed');
      return Promise.reject(new CheckpointError(location, 'begin a transaction', { cause }));
    }
    return PostgresTransaction.begin(pool, transactionTimeout);
  }

  async #plan({ time, zeroTime, interval, ranges, attempts = 0, selection }: PlannedBatch): Promise<void> {
    const { pool, tables, job, location } = this.#job;
    // The shared lock keeps a new epoch from beginning, and from reading, until this has been written.
    const statement = `insert into ${tables.planned} (job, time, zero_time, interval, ranges, attempts, selection)
       select job, $3, $4, $5, $6, $7, $8 from ${tables.jobs} where job = $1 and epoch = $2 for share
       on conflict (job, time) do update
       set ranges = excluded.ranges, attempts = excluded.attempts, selection = excluded.selection`;
    const values = [job, this.#epoch, time, zeroTime, interval, JSON.stringify(ranges), attempts, selection ?? null];
    const { rowCount } = await withClient(pool, (client) => client.query(statement, values), this.#givenUp.signal);
    if (rowCount === 0) throw new FencedError(location);
  }

  async #save(batch: SavedBatch): Promise<void> {
    const transaction = this.#open.get(batch.time) ?? new BatchTransaction(() => this.#begin());
    this.#saving = transaction;
    await transaction.finish((begun) => this.#saveIn(begun, batch));
    this.#saving = undefined;
    this.#open.delete(batch.time);
  }

  async #saveIn(transaction: PostgresTransaction, batch: SavedBatch): Promise<void> {
    const { time, zeroTime, interval, positions, changes, dropped = [] } = batch;
    const { tables, job, location } = this.#job;
    await transaction.fenced(
      location,
      `update ${tables.jobs} set time = $3, zero_time = $4, interval = $5, positions = $6 where job = $1 and epoch = $2`,
      [job, this.#epoch, time, zeroTime, interval, JSON.stringify(positions)],
    );
    const { queries } = transaction;
    await queries.query(`delete from ${tables.planned} where job = $1 and time <= $2`, [job, time]);
    for (const table of dropped.length > 0 ? [tables.entries, tables.states] : []) {
      await queries.query(`delete from ${table} where job = $1 and id = any($2::text[])`, [job, dropped]);
    }
    for (const change of changes as readonly EncodedChange<StateChange>[]) await this.#write(queries, change);
    await transaction.commit();
  }

  async #write(queries: PostgresQueries, change: EncodedChange<StateChange>): Promise<void> {
    const { tables, job } = this.#job;
    const { id, operator, signature, version, set, deleted } = change;
    await queries.query(
      `insert into ${tables.states} (job, id, operator, signature, version) values ($1, $2, $3, $4, $5)
       on conflict (job, id) do update
       set operator = excluded.operator, signature = excluded.signature, version = excluded.version`,
      [job, id, operator, signature, version],
    );
    for (let i = 0; i < set.length; i += entriesPerStatement) {
      const part = set.slice(i, i + entriesPerStatement);
      const keys = part.map(([key]) => lookupBytes(key));
      await queries.query(
        `insert into ${tables.entries} (job, id, key, long_key, seq, value)
         select $1, $2, * from unnest($3::bytea[], $4::bytea[], $5::bigint[], $6::bytea[])
         on conflict (job, id, key) do update set value = excluded.value`,
        [
          job,
          id,
          keys,
          part.map(([key], n) => (key === keys[n] ? null : key)),
          part.map(() => ++this.#seq),
          part.map(([, value]) => value),
        ],
      );
    }
    if (deleted.length === 0) return;
    await queries.query(`delete from ${tables.entries} where job = $1 and id = $2 and key = any($3::bytea[])`, [
      job,
      id,
      deleted.map(lookupBytes),
    ]);
  }

  async #run(action: string, work: () => Promise<void>): Promise<void> {
    const done = work().catch(async (cause: unknown) => {
      throw await this.failure(action, cause);
    });
    this.#running.add(done);
    try {
      await done;
    } finally {
      this.#running.delete(done);
    }
  }

  async #close(): Promise<void> {
    this.#closed = true;
    const { transactionTimeout } = this.#job;
    // A server that does not answer keeps nobody from opening the job again: what it was asked for is fenced then.
    const settled = await within(transactionTimeout, Promise.allSettled([...this.#running]));
    if (!settled) this.#givenUp.abort();
    const open = new Set(this.#open.values());
    if (this.#saving) open.add(this.#saving);
    this.#open.clear();
    const aborted = Promise.all([...open].map((transaction) => transaction.abort()));
    // Those that only begin have waited as long as what runs.
    if (settled) await within(transactionTimeout, aborted);
  }
}
