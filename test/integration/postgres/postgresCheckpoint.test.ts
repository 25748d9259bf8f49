import { foreachBatch, fromBatches, InvalidOptionError } from 'dstream';
import {
  CheckpointError,
  CorruptCheckpointError,
  FencedError,
  type PostgresPool,
  postgresCheckpoint,
} from 'dstream/node';
import { type CheckpointStore, checkpointContract } from 'dstream/testing';
import { Pool } from 'pg';
import { firstValueFrom, from, ignoreElements, lastValueFrom } from 'rxjs';
import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import { saveAtOnce, savedAtOnce, seenIn } from '../../support/overlappingSaves.js';
import { describePostgres, newName, newPool } from '../../support/postgres.js';
import { change, settle } from '../../support/savedBatches.js';

describePostgres('postgresCheckpoint', () => {
  let pool: Pool;
  beforeAll(() => {
    pool = newPool();
  });
  afterAll(() => pool.end());

  describe('keeps the contract', () => {
    const newStore = (): CheckpointStore => {
      const job = newName();
      return { connect: () => postgresCheckpoint(pool, { job }) };
    };
    for (const { name, run } of checkpointContract(newStore)) it(name, run);
  });

  it('takes a pool of pg, and refuses names and times that are none', () => {
    expectTypeOf<Pool>().toExtend<PostgresPool>();
    expect(() => postgresCheckpoint(pool, { job: '' })).toThrow(InvalidOptionError);
    expect(() => postgresCheckpoint(pool, { job: 'a', schema: 'b\0' })).toThrow(InvalidOptionError);
    expect(() => postgresCheckpoint(pool, { job: 'a', transactionTimeout: 0 })).toThrow(InvalidOptionError);
    // @ts-expect-error a job needs a name
    expect(() => postgresCheckpoint(pool, {})).toThrow(InvalidOptionError);
  });

  it('keeps jobs and schemas apart, and makes the tables once when several begin together', async () => {
    const schema = `${newName()} "quoted"`;
    const open = (job: string) => firstValueFrom(from(postgresCheckpoint(pool, { job, schema }).open()));
    const sessions = await Promise.all(['a', 'b', 'c', 'd'].map(open));
    const [a] = sessions;
    await lastValueFrom(from(a!.save({ time: 10, zeroTime: 0, interval: 10, positions: {}, changes: [] })), {
      defaultValue: undefined,
    });
    await Promise.all(sessions.map((session) => lastValueFrom(from(session.close()), { defaultValue: undefined })));
    expect((await open('a')).restored?.time).toBe(10);
    expect((await open('b')).restored).toBeUndefined();
    await pool.query(`drop schema "${schema.replaceAll('"', '""')}" cascade`);
  });

  it('makes the tables once when as many tasks begin together as a process has connections', async () => {
    const large = newPool(16);
    // The first ones wait for their connections, which keeps them apart.
    for (const schema of [newName(), newName(), newName(), newName()]) {
      const open = (_: unknown, task: number) =>
        firstValueFrom(from(postgresCheckpoint(large, { job: `job/${task}`, schema }).open()));
      const sessions = await Promise.all(Array.from({ length: 16 }, open));
      await Promise.all(sessions.map((session) => lastValueFrom(from(session.close()), { defaultValue: undefined })));
      await large.query(`drop schema "${schema}" cascade`);
    }
    await large.end();
  });

  it('opens tables of earlier versions, which have fewer columns, with what was planned there', async () => {
    const schema = newName();
    const checkpoint = postgresCheckpoint(pool, { job: 'a', schema });
    const plan = { time: 10, zeroTime: 0, interval: 10, ranges: { log: [], '(orders-0)': [] } };
    const first = await firstValueFrom(from(checkpoint.open()));
    await settle(first.plan(plan));
    await settle(first.close());
    const columns = async () => {
      const query = 'select column_name from information_schema.columns where table_schema = $1 and table_name = $2';
      const { rows } = await pool.query(query, [schema, 'planned_batches']);
      return rows.map(({ column_name }) => column_name as string);
    };
    const all = await columns();
    for (const columnsOfLater of [['selection'], ['attempts', 'selection']]) {
      for (const column of columnsOfLater)
        await pool.query(`alter table ${schema}.planned_batches drop column ${column}`);
      const session = await firstValueFrom(from(checkpoint.open()));
      expect((await columns()).sort()).toEqual(all.sort());
      expect(session.restored?.planned).toEqual([plan]);
      await settle(session.plan({ ...plan, selection: 'orders-1' }));
      await settle(session.close());
      const next = await firstValueFrom(from(checkpoint.open()));
      expect(next.restored?.planned).toEqual([{ ...plan, selection: 'orders-1' }]);
      await settle(next.close());
    }
    await pool.query(`drop schema ${schema} cascade`);
  });

  it('refuses a format that it does not know, and leaves the job to its owner', async () => {
    const job = newName();
    const checkpoint = postgresCheckpoint(pool, { job });
    await firstValueFrom(from(checkpoint.open()));
    const before = await pool.query('select epoch from dstream.jobs where job = $1', [job]);
    await pool.query('update dstream.jobs set format = 2 where job = $1', [job]);
    const refused = await firstValueFrom(from(checkpoint.open())).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(CorruptCheckpointError);
    expect((refused as Error).message).toContain('it has format 2, and only format 1 can be read');
    expect((await pool.query('select epoch from dstream.jobs where job = $1', [job])).rows).toEqual(before.rows);
  });

  it('closes though the server does not answer, and what it was asked for has no effect on the next owner', async () => {
    const job = newName();
    const small = newPool(3);
    const checkpoint = postgresCheckpoint(small, { job, transactionTimeout: 300 });
    const session = await firstValueFrom(from(checkpoint.open()));
    const saved = (time: number) => ({ time, zeroTime: 0, interval: 10, positions: {}, changes: [] });
    const errorOf = (asked: Parameters<typeof settle>[0]) => settle(asked).catch((error: unknown) => error);
    const takeover = { takeover: 'force' } as const;
    await settle(session.save(saved(10)));
    // Somebody has locked the row of the job, and is not done.
    const locking = await pool.connect();
    await locking.query('begin');
    await locking.query('select * from dstream.jobs where job = $1 for update', [job]);
    const output = errorOf(
      checkpoint.inTransaction(20, (transaction) =>
        from(transaction.query('update dstream.jobs set time = 15 where job = $1', [job])).pipe(ignoreElements()),
      ),
    );
    const asked = [
      errorOf(session.plan({ time: 30, zeroTime: 0, interval: 10, ranges: {} })),
      errorOf(session.save(saved(12))),
    ];
    const waiting = `select from pg_stat_activity where wait_event_type = 'Lock' and query like '%dstream%jobs%'`;
    while ((await pool.query(waiting)).rowCount !== 3);
    await settle(session.close());
    // They do not keep a connection each from the next owner.
    expect({ taken: small.totalCount - small.idleCount }).toEqual({ taken: 0 });
    expect(await Promise.all([output, ...asked])).toEqual([
      expect.any(Error),
      expect.any(CheckpointError),
      expect.any(CheckpointError),
    ]);
    const opening = firstValueFrom(from(checkpoint.open(takeover)));
    await locking.query('rollback');
    locking.release();
    const next = await opening;
    expect(next.restored?.time).toBe(10);
    await settle(next.close());
    await small.end();
  });

  it('fails with a CheckpointError when the server cannot be reached', async () => {
    const nowhere = new Pool({ host: '127.0.0.1', port: 1 });
    const opened = firstValueFrom(from(postgresCheckpoint(nowhere, { job: 'none' }).open()));
    const refused = await opened.catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(CheckpointError);
    expect((refused as Error).message).toMatch(/^checkpoint PostgreSQL job "none": cannot open: .*ECONNREFUSED/);
    await nowhere.end();
  });

  it('has saves that overlap, against the contract, in effect in their order', async () => {
    const checkpoint = postgresCheckpoint(pool, { job: newName() });
    const session = await firstValueFrom(from(checkpoint.open()));
    await saveAtOnce(session, 8);
    await settle(session.close());
    const again = await firstValueFrom(from(checkpoint.open()));
    expect(seenIn(again)).toEqual(savedAtOnce(8));
    await settle(again.close());
  });

  it('saves no batch behind one that could not be saved', async () => {
    const checkpoint = postgresCheckpoint(pool, { job: newName() });
    const session = await firstValueFrom(from(checkpoint.open()));
    // The server takes no text with a zero in it.
    const refused = session.encode({ ...change([['a', 1]]), id: 'zero \0' });
    const save = (time: number, changes: readonly unknown[]) =>
      settle(session.save({ time, zeroTime: 0, interval: 10, positions: {}, changes }));
    const saved = await Promise.allSettled([save(10, [refused]), save(20, []), save(30, [])]);
    expect(saved.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    await settle(session.close());
    const again = await firstValueFrom(from(checkpoint.open()));
    expect(again.restored).toBeUndefined();
    await settle(again.close());
  });

  it('fences the stream whose job another opens', async () => {
    const job = newName();
    const written: string[] = [];
    const run = (name: string) =>
      lastValueFrom(
        fromBatches(
          Array.from({ length: 30 }, (_, i) => [i]),
          {
            interval: 10,
            checkpoint: postgresCheckpoint(pool, { job, takeover: 'force' }),
          },
        ).pipe(
          foreachBatch(async ([n]) => {
            written.push(`${name} ${n}`);
            if (name === 'first' && n === 10) second = run('second');
          }),
        ),
      );
    let second: Promise<unknown> | undefined;
    await expect(run('first')).rejects.toBeInstanceOf(FencedError);
    await second;
    const late = written.slice(written.indexOf('second 12')).filter((line) => line.startsWith('first'));
    expect(late).toEqual([]);
    expect(written.at(-1)).toBe('second 29');
  });
});
