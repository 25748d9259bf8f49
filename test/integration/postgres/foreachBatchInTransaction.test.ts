import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { type Batch, type BatchInfo, fromBatches, InvalidOptionError } from 'dstream';
import { CheckpointError, foreachBatchInTransaction, postgresCheckpoint } from 'dstream/node';
import type { Pool } from 'pg';
import { lastValueFrom, map, mergeMap, of, retry, timer } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildChild } from '../../crash/buildChild.js';
import { standingCasesOfOutput } from '../../operators/standingOutputs.js';
import { nightly } from '../../support/nightly.js';
import { describePostgres, newName, newPool, postgresUrl } from '../../support/postgres.js';

let child: string;
beforeAll(async () => {
  child = await buildChild(new URL('../../support/transactionChild.ts', import.meta.url));
});

describePostgres('foreachBatchInTransaction', () => {
  let pool: Pool;
  beforeAll(async () => {
    pool = newPool();
    await pool.query(`create table if not exists results
      (job text, batch int, key text, sum int, owner text)`);
  });
  afterAll(() => pool.end());

  const rowsOf = async (job: string) => {
    const { rows } = await pool.query('select batch, key, sum, owner from results where job = $1 order by batch, key', [
      job,
    ]);
    return rows as { batch: number; key: string; sum: number; owner: string }[];
  };
  const insert = 'insert into results (job, batch) values ($1, $2)';
  const numbers = (count: number) => Array.from({ length: count }, (_, i) => [i + 1]);
  const writtenBatches = async (job: string) => (await rowsOf(job)).map(({ batch }) => batch);

  standingCasesOfOutput(
    'foreachBatchInTransaction',
    [1, 2],
    () => {
      const job = newName();
      const checkpoint = postgresCheckpoint(pool, { job });
      return {
        checkpoint,
        // All batches are the same, because the second subscription goes on where the first was.
        open: (records: readonly number[], batchObserver: { next(info: BatchInfo): void }) =>
          fromBatches(Array(9).fill(records), { interval: 5, checkpoint, batchObserver }),
        output: foreachBatchInTransaction<number>(checkpoint, (transaction, [n]) =>
          transaction.query(insert, [job, n]),
        ),
      };
    },
    (boom, { checkpoint }) => foreachBatchInTransaction<number>(checkpoint, () => boom()),
  );

  it('writes each batch once, results and progress together, whatever fails', async () => {
    const job = newName();
    const checkpoint = postgresCheckpoint(pool, { job });
    const failures: unknown[] = [];
    const faults = [3, 3, 5, 6];
    const run = fromBatches(numbers(8), { interval: 5, checkpoint }).pipe(
      foreachBatchInTransaction(checkpoint, async (transaction, [n]) => {
        await transaction.query(insert, [job, n]);
        // Before the commit nobody else sees it.
        expect(await writtenBatches(job)).toEqual(numbers(n! - 1).flat());
        if (n !== faults[0]) return;
        faults.shift();
        if (n === 3) throw new Error('crash after writing');
        if (n === 5) await transaction.query('no SQL').catch(() => {});
        if (n === 6) {
          const { rows } = await transaction.query('select pg_backend_pid() as pid');
          await pool.query('select pg_terminate_backend($1)', [rows[0].pid]);
        }
      }),
      retry({
        delay: (error) => {
          failures.push(error);
          return timer(0);
        },
      }),
    );
    await lastValueFrom(run);
    expect(await writtenBatches(job)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(failures.slice(0, 2).map(String)).toEqual(Array(2).fill('Error: crash after writing'));
    // A failed statement that was caught spoils the transaction all the same; so does a lost connection.
    expect(failures.slice(2)).toHaveLength(2);
    for (const failure of failures.slice(2)) expect(failure).toBeInstanceOf(CheckpointError);
  });

  it('fails where every connection of the pool is in a transaction that fails', async () => {
    const small = newPool(2);
    let begun = 0;
    const fail = async (job: string) => {
      const checkpoint = postgresCheckpoint(small, { job });
      const run = fromBatches(numbers(3), { interval: 5, checkpoint }).pipe(
        foreachBatchInTransaction(checkpoint, async () => {
          begun++;
          while (begun < 2) await lastValueFrom(timer(5));
          throw new Error(`crash of ${job}`);
        }),
      );
      return lastValueFrom(run).catch((error: Error) => error.message);
    };
    const jobs = [newName(), newName()];
    expect(await Promise.all(jobs.map(fail))).toEqual(jobs.map((job) => `crash of ${job}`));
    await small.end();
  });

  it('does not take a batch for saved when a statement that nobody waited for spoils its commit', async () => {
    const job = newName();
    const checkpoint = postgresCheckpoint(pool, { job });
    let faults = 1;
    const failures: unknown[] = [];
    const run = fromBatches(numbers(3), { interval: 5, checkpoint }).pipe(
      foreachBatchInTransaction(checkpoint, async (transaction, [n]) => {
        await transaction.query(insert, [job, n]);
        if (n !== 2 || faults-- === 0) return;
        // The second comes behind the update of the progress, the third between the last statement and the commit.
        void transaction
          .query('select pg_sleep(0.2)')
          .then(() => transaction.query('select 1'))
          .then(() => transaction.query('no SQL'))
          .catch(() => {});
      }),
      retry({
        delay: (error) => {
          failures.push(error);
          return timer(0);
        },
      }),
    );
    await lastValueFrom(run);
    expect(await writtenBatches(job)).toEqual([1, 2, 3]);
    expect(failures).toHaveLength(1);
    expect(failures[0]).toBeInstanceOf(CheckpointError);
  });

  it('shares the transaction among the outputs of a batch, and begins the next batch when it is committed', async () => {
    const job = newName();
    const checkpoint = postgresCheckpoint(pool, { job });
    const order: string[] = [];
    const output = (name: string, delay: number) =>
      foreachBatchInTransaction<number>(checkpoint, (transaction, [n]) => {
        order.push(`${name}${n}`);
        return timer(delay).pipe(mergeMap(() => transaction.query(insert, [job, n])));
      });
    const options = { interval: 1, checkpoint, concurrentBatches: 4 };
    await lastValueFrom(fromBatches(numbers(6), options).pipe(output('a', 8), output('b', 1)));
    expect(await writtenBatches(job)).toEqual([1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6]);
    expect(order).toEqual(numbers(6).flatMap(([n]) => [`a${n}`, `b${n}`]));
  });

  it('lets the statements of several outputs take turns on the one client', async () => {
    const job = newName();
    const checkpoint = postgresCheckpoint(pool, { job });
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on('warning', note);
    try {
      const output = foreachBatchInTransaction<number>(checkpoint, (transaction, [n]) =>
        Array.from({ length: 5 }, () => transaction.query(insert, [job, n])),
      );
      await lastValueFrom(fromBatches(numbers(2), { interval: 5, checkpoint }).pipe(output, output));
      // A warning is an event of the next turn.
      await lastValueFrom(timer(0));
    } finally {
      process.off('warning', note);
    }
    expect(await writtenBatches(job)).toEqual([...Array(10).fill(1), ...Array(10).fill(2)]);
    expect(warnings).toEqual([]);
  });

  describe('where another transaction is in the way', () => {
    const counters = `counters_${newName()}`;
    beforeAll(() => pool.query(`create table ${counters} (id int primary key, n int)`));
    afterAll(() => pool.query(`drop table ${counters}`));
    const reset = () =>
      pool.query(`insert into ${counters} values (1, 0), (2, 0) on conflict (id) do update set n = 0`);
    const valuesOf = async () => (await pool.query(`select n from ${counters} order by id`)).rows.map(({ n }) => n);
    const add = (id: number) => `update ${counters} set n = n + 1 where id = ${id}`;

    it('writes everything again after a deadlock', async () => {
      await reset();
      const job = newName();
      const checkpoint = postgresCheckpoint(pool, { job });
      const other = await pool.connect();
      // The server cancels who looks for a deadlock first: that is not this one.
      await other.query(`begin; set local deadlock_timeout = '10min'; ${add(2)}`);
      let calls = 0;
      let blocked: Promise<unknown> | undefined;
      const run = fromBatches(numbers(2), { interval: 5, checkpoint }).pipe(
        foreachBatchInTransaction(checkpoint, (transaction, [n]) => transaction.query(insert, [job, n])),
        foreachBatchInTransaction(checkpoint, async (transaction) => {
          const first = ++calls === 1;
          await transaction.query(add(1));
          if (first) blocked = other.query(add(1)).then(() => other.query('commit'));
          await transaction.query(add(2));
        }),
      );
      await lastValueFrom(run);
      await blocked;
      other.release();
      // Four, where the second attempt was faster than the other transaction, and met it again.
      expect(calls).toBeGreaterThanOrEqual(3);
      expect(await writtenBatches(job)).toEqual([1, 2]);
      expect(await valuesOf()).toEqual([3, 3]);
    });

    it('writes everything again after a serialization failure, also where that was overlooked', async () => {
      await reset();
      for (const overlook of [false, true]) {
        const job = newName();
        const checkpoint = postgresCheckpoint(pool, { job });
        let calls = 0;
        const run = fromBatches(numbers(1), { interval: 5, checkpoint }).pipe(
          foreachBatchInTransaction(checkpoint, async (transaction, [n]) => {
            await transaction.query('set transaction isolation level repeatable read');
            await transaction.query(insert, [job, n]);
            if (++calls === 1) await pool.query(add(1));
            const added = transaction.query(add(1));
            await (overlook ? added.catch(() => {}) : added);
          }),
        );
        await lastValueFrom(run);
        expect(calls).toBe(2);
        expect(await writtenBatches(job)).toEqual([1]);
      }
      expect(await valuesOf()).toEqual([4, 0]);
    });

    it('fails when that happens again and again', async () => {
      await reset();
      const job = newName();
      const checkpoint = postgresCheckpoint(pool, { job });
      let calls = 0;
      const run = fromBatches(numbers(1), { interval: 5, checkpoint }).pipe(
        foreachBatchInTransaction(checkpoint, async (transaction) => {
          await transaction.query('set transaction isolation level repeatable read');
          await transaction.query(`select * from ${counters}`);
          calls++;
          await pool.query(add(1));
          await transaction.query(add(1));
        }),
      );
      await expect(lastValueFrom(run)).rejects.toMatchObject({ code: '40001' });
      expect(calls).toBe(6);
      expect(await valuesOf()).toEqual([6, 0]);
    });
  });

  it('refuses a checkpoint that no stream has opened, and a transaction that is over', async () => {
    const other = postgresCheckpoint(pool, { job: newName() });
    const run = fromBatches([[1]], { interval: 5 }).pipe(foreachBatchInTransaction(other, () => of(1)));
    await expect(lastValueFrom(run)).rejects.toBeInstanceOf(InvalidOptionError);

    const checkpoint = postgresCheckpoint(pool, { job: newName() });
    const late: (() => Promise<unknown>)[] = [];
    const kept = fromBatches([[1]], { interval: 5, checkpoint }).pipe(
      foreachBatchInTransaction(checkpoint, (transaction) => {
        late.push(() => transaction.query('select 1'));
      }),
      map((batch: Batch<number>) => batch.records),
    );
    expect(await lastValueFrom(kept)).toEqual([1]);
    await expect(late[0]?.()).rejects.toThrow('the transaction of this batch is over');
  });

  describe('in processes that are killed or stopped', () => {
    /** What one that nothing happens to writes: key and sum of each batch. */
    const expected = (() => {
      const sums = new Map<string, number>();
      return Array.from({ length: 60 }, (_, i) => i).flatMap((i) => {
        const touched = new Set<string>();
        for (let k = 0; k <= i % 3; k++) {
          const key = `key-${(i * k) % 7}`;
          sums.set(key, (sums.get(key) ?? 0) + i);
          touched.add(key);
        }
        return [...touched].sort().map((key) => ({ batch: i + 1, key, sum: sums.get(key) }));
      });
    })();
    const withoutOwner = async (job: string) => (await rowsOf(job)).map(({ owner: _, ...row }) => row);

    const start = (job: string, owner: string, pause = 0, timeout = 60_000) => {
      const args = [child, postgresUrl, job, owner, String(pause), String(timeout)];
      const process_ = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
      const lines: string[] = [];
      const listeners = new Set<(line: string) => void>();
      createInterface(process_.stdout).on('line', (line) => {
        lines.push(line);
        for (const listener of listeners) listener(line);
      });
      const says = (text: string) =>
        new Promise<void>((resolve) => {
          const check = (line: string) => {
            if (line.startsWith(text)) resolve();
          };
          lines.forEach(check);
          listeners.add(check);
        });
      return { lines, says, kill: (signal: NodeJS.Signals) => process_.kill(signal), ended: ended(process_) };
    };
    const ended = (process_: ChildProcess) => new Promise<number | null>((resolve) => process_.on('close', resolve));

    it('loses nothing and doubles nothing under SIGKILL', async () => {
      const maxKills = nightly ? 100 : 5;
      const job = newName();
      let kills = 0;
      for (;;) {
        const one = start(job, `life ${kills}`);
        const first = await Promise.race([one.says('writing').then(() => true), one.ended.then(() => false)]);
        // A slow machine gets nothing done between two kills: the life after the last one ends by itself.
        // The first ones while there is work left for certain, the others at any moment.
        const delay = Math.random() * (kills < 3 ? 50 : 400);
        const timer = kills < maxKills && setTimeout(() => one.kill('SIGKILL'), first ? delay : 0);
        const code = await one.ended;
        if (timer) clearTimeout(timer);
        if (code === 0) break;
        kills++;
      }
      console.log(`killed ${kills} times`);
      expect(kills).toBeGreaterThan(2);
      expect(await withoutOwner(job)).toEqual(expected);
    });

    it.each([
      ['in the middle of a transaction', 40, 1_000],
      ['between two batches', 0, 60_000],
    ])('a zombie writes nothing more: stopped %s', async (_, pause, timeout) => {
      const job = newName();
      const zombie = start(job, 'zombie', pause, timeout);
      await zombie.says('writing 7');
      zombie.kill('SIGSTOP');
      const before = await rowsOf(job);

      const successor = start(job, 'successor', 0, timeout);
      await successor.says('writing 20');
      zombie.kill('SIGCONT');
      expect(await zombie.ended).toBe(1);
      expect(zombie.lines.at(-1)).toMatch(/^failed FENCED/);
      expect(await successor.ended).toBe(0);

      const rows = await rowsOf(job);
      const byZombie = rows.filter(({ owner }) => owner === 'zombie');
      // What had been committed when it was stopped; a commit may have been on its way.
      expect(byZombie.length).toBeGreaterThanOrEqual(before.length);
      const lastOfZombie = byZombie.at(-1)?.batch ?? 0;
      const firstOfSuccessor = rows.find(({ owner }) => owner === 'successor')?.batch ?? 0;
      expect(firstOfSuccessor).toBe(lastOfZombie + 1);
      expect(firstOfSuccessor).toBeLessThan(20);
      expect(await withoutOwner(job)).toEqual(expected);
    });
  });
});
