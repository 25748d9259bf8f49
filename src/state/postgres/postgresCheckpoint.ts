import { defer, type Observable } from 'rxjs';
import { CheckpointError, DStreamError, InvalidOptionError } from '../../batch/errors.js';
import { checkOptions, type OptionChecks, required } from '../../options/checkOptions.js';
import { allOf, checkPositiveInteger, checkTimer, withMethods } from '../../options/checks.js';
import type { TakeoverOptions } from '../../storage/takeover.js';
import type { Checkpoint, CheckpointSession, OpenOptions } from '../checkpoint.js';
import { readOnlySession } from '../readOnlySession.js';
import { resolveTakeover, takeoverChecks } from '../resolveTakeover.js';
import { jobCommand } from './jobCommand.js';
import { PostgresLease } from './postgresLease.js';
import { type PostgresPool, type PostgresQueries, withClient } from './postgresPool.js';
import { readJob } from './postgresRestore.js';
import { PostgresSession } from './postgresSession.js';
import { createTables, tablesIn } from './postgresTables.js';

/** Options of `postgresCheckpoint`. */
export interface PostgresCheckpointOptions extends TakeoverOptions {
  /** The name of the job, under which its progress and state are kept. Jobs with different names share the tables. */
  readonly job: string;
  /**
   * The schema of the tables. Both are created where they are missing.
   * @default 'dstream'
   */
  readonly schema?: string | undefined;
  /**
   * How long a transaction may idle before the server rolls it back, in ms. It bounds how long the locks of a suspended
   * process delay the one that takes over. Where a batch has an output in its transaction, every output of the batch must be
   * faster. Closing waits as long for a server that does not answer.
   * @default 60000
   */
  readonly transactionTimeout?: number | undefined;
}

/** A checkpoint in PostgreSQL. `foreachBatchInTransaction` takes it to write in the transaction that saves the batch. */
export interface PostgresCheckpoint extends Checkpoint {
  /** @internal Writes in the transaction in which the batch of this time will be saved. */
  inTransaction(time: number, effect: (transaction: PostgresQueries) => Observable<never>): Observable<never>;
  /** @internal Whether another process has opened the job. */
  wasFenced(): Promise<boolean>;
}

const optionChecks: OptionChecks<PostgresCheckpointOptions> = {
  job: required(checkName),
  schema: checkName,
  transactionTimeout: allOf(checkPositiveInteger, checkTimer),
  ...takeoverChecks,
};

/**
 * A checkpoint in tables of a PostgreSQL database: the progress, the planned batches and the state of a job, each complete
 * batch in one transaction.
 *
 * `pool` is a `Pool` of the package `pg` (a peer dependency), created and closed by the caller; two connections at a time
 * are used, and for a moment a third, which renews the lease of the job. A job whose owner shows signs of life is waited for, unless
 * `takeover` says otherwise. Each opening of the job begins a new epoch, in a row that every write compares and sets: a process that was
 * believed dead and is alive writes nothing more, and fails with a `FencedError`. The cost of a batch is in proportion to
 * what it changed.
 *
 * The structured clone algorithm must be able to copy the state. All of it is read when the job is opened, and lives in
 * memory.
 *
 * @throws {InvalidOptionError} when an option is out of its range
 * @throws {CheckpointError} (as a notification) when the database cannot be reached, or refuses
 * @throws {FencedError} (as a notification) when another process has opened the job
 * @throws {CorruptCheckpointError} (as a notification) when the tables are of an unknown version
 *
 * @example
 * ```ts no-run
 * import { foreachBatch, json, mapRecords, updateStateByKey } from 'dstream';
 * import { kafkaBatches } from 'dstream/kafka';
 * import { postgresCheckpoint } from 'dstream/node';
 * import { Kafka } from 'kafkajs';
 * import { Pool } from 'pg';
 *
 * const pool = new Pool({ connectionString: 'postgres://localhost/shop' });
 * kafkaBatches(new Kafka({ brokers: ['localhost:9092'] }), {
 *   topics: ['clicks'],
 *   start: 'earliest',
 *   interval: 1_000,
 *   deserialize: json<{ user: string }>(),
 *   checkpoint: postgresCheckpoint(pool, { job: 'clicks' }),
 * })
 *   .pipe(
 *     mapRecords(({ user }) => [user, 1]),
 *     updateStateByKey((values, total: number | undefined) => (total ?? 0) + values.length, { id: 'clicks' }),
 *     foreachBatch((totals) => console.log(totals)),
 *   )
 *   .subscribe();
 * ```
 */
export function postgresCheckpoint(pool: PostgresPool, options: PostgresCheckpointOptions): PostgresCheckpoint {
  withMethods('connect')('postgresCheckpoint', 'pool', pool);
  checkOptions('postgresCheckpoint', options, optionChecks);
  const { job, schema = 'dstream', transactionTimeout = 60_000 } = options;
  const takeover = resolveTakeover(options);
  const location = `PostgreSQL job ${JSON.stringify(job)}`;
  const tables = tablesIn(schema);
  let current: PostgresSession | undefined;

  const place = { pool, tables, job, location };
  const open = async (how?: OpenOptions): Promise<CheckpointSession> => {
    try {
      await withClient(pool, (client) => createTables(client, tables));
      const { lease, row } = await PostgresLease.take(place, takeover(how));
      try {
        const opened = await withClient(pool, (client) => readJob(client, place, row, how?.salvage));
        if (how?.salvage) return readOnlySession(location, opened.restored, () => lease.release(Promise.resolve()));
        current = new PostgresSession({ ...place, transactionTimeout }, row.epoch, lease, opened);
        return current;
      } catch (error) {
        await lease.release(Promise.resolve());
        throw error;
      }
    } catch (cause) {
      if (cause instanceof DStreamError) throw cause;
      throw new CheckpointError(location, 'open', { cause });
    }
  };
  return {
    location,
    command: (action) => jobCommand(job, action),
    open: (how) => defer(() => open(how)),
    inTransaction: (time, effect) =>
      defer(() => {
        if (current) return current.inTransaction(time, effect);
        const rule = 'must be the checkpoint of the stream';
        throw new InvalidOptionError('foreachBatchInTransaction', 'checkpoint', location, rule);
      }),
    wasFenced: async () => (await current?.wasFenced()) ?? false,
  };
}

function checkName(owner: string, option: string, value: unknown): void {
  if (typeof value !== 'string' || value === '' || value.includes('\0')) {
    throw new InvalidOptionError(owner, option, value, 'must be a non-empty name');
  }
}
