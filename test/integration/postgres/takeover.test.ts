import type { CheckpointSession } from 'dstream';
import { postgresCheckpoint } from 'dstream/node';
import type { Pool } from 'pg';
import { firstValueFrom, from } from 'rxjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { OpenOptions } from '../../../src/state/checkpoint.js';
import { newOwner } from '../../../src/storage/lockOwner.js';
import { describePostgres, newName, newPool, postgresUrl } from '../../support/postgres.js';
import { runCommand as command } from '../../support/runCommand.js';
import { change, settle } from '../../support/savedBatches.js';

describePostgres('the lease of a job in PostgreSQL', () => {
  let pool: Pool;
  beforeAll(() => {
    pool = newPool();
  });
  afterAll(() => pool.end());

  const leaseTime = 500;
  const open = (job: string, how?: OpenOptions): Promise<CheckpointSession> =>
    firstValueFrom(from(postgresCheckpoint(pool, { job, leaseTime }).open(how)));
  const save = (session: CheckpointSession, time: number) =>
    settle(
      session.save({ time, zeroTime: 0, interval: 10, positions: {}, changes: [session.encode(change([['a', 1]]))] }),
    );

  /** Makes another machine the owner of a job that nobody owns; it gives signs of life until it is left. */
  async function ownedElsewhere(job: string) {
    const owner = { ...newOwner(leaseTime), token: job, host: 'elsewhere', system: 'elsewhere', pid: 7 };
    await pool.query('insert into dstream.leases select job, epoch, 0, $2 from dstream.jobs where job = $1', [
      job,
      JSON.stringify(owner),
    ]);
    let beats = 0;
    const timer = setInterval(() => {
      beats++;
      void pool.query('update dstream.leases set beat = beat + 1 where job = $1', [job]).catch(() => {});
    }, 50);
    return { beats: () => beats, leave: () => clearInterval(timer) };
  }

  it('is waited for while its owner gives signs of life, and no longer', async () => {
    const job = newName();
    const first = await open(job);
    await save(first, 10);
    await expect(open(job)).rejects.toThrow('in use by another stream of this process');
    await settle(first.close());
    expect((await pool.query('select * from dstream.leases where job = $1', [job])).rows).toEqual([]);

    const owner = await ownedElsewhere(job);
    await expect(open(job, { takeover: 'refuse' })).rejects.toThrow('in use by process 7 of elsewhere');
    const reasons: string[] = [];
    let taken = false;
    const second = open(job, { waiting: (reason) => reasons.push(reason) });
    void second.then(() => {
      taken = true;
    });
    const before = owner.beats();
    while (owner.beats() < before + 30) await new Promise((resolve) => setTimeout(resolve, 20));
    expect(taken).toBe(false);
    expect(reasons).toEqual([`waiting for PostgreSQL job "${job}", which is in use by process 7 of elsewhere`]);
    owner.leave();
    const session = await second;
    expect(session.restored?.time).toBe(10);

    const third = await open(job, { takeover: 'force' });
    const refused = await save(session, 20).catch((error: unknown) => error);
    expect(refused).toMatchObject({ code: 'FENCED' });
    await settle(session.close());
    await save(third, 20);
    await settle(third.close());
  });

  it('is taken from nobody by an opening that is given up before', async () => {
    const job = newName();
    const owner = await open(job);
    const given = new AbortController();
    const late = open(job, { takeover: 'force', signal: given.signal });
    given.abort();
    await expect(late).rejects.toMatchObject({ cause: { name: 'AbortError' } });
    await save(owner, 10);
    await settle(owner.close());
  });

  it('is what the command line works with', async () => {
    const job = newName();
    const session = await open(job);
    await save(session, 10);
    const place = postgresUrl;
    const refused = await command(['checkpoint', place, 'inspect', '--job', job]);
    expect(refused).toEqual({
      code: 1,
      out: '',
      err: expect.stringContaining('in use by another stream of this process'),
    });
    await settle(session.close());
    expect((await command(['checkpoint', place, 'inspect', '--job', job])).out).toContain(
      'state "counts": updateStateByKey',
    );
    expect((await command(['checkpoint', place, 'rename', 'counts', 'sums', '--job', job])).code).toBe(0);
    const { out: lines } = await command(['checkpoint', place, 'export', 'sums', '--job', job]);
    expect(lines).toContain('{"key":"a","state":1}');
    expect((await command(['checkpoint', place, 'import', '--job', `${job}-copy`], lines)).code).toBe(0);
    const split = ['checkpoint', place, 'split', '--job', job, '--of', '2', '--to', place, '--to-job', job];
    expect((await command(split)).out).toBe(`wrote PostgreSQL job "${job}/0"\nwrote PostgreSQL job "${job}/1"\n`);
    expect((await command(['checkpoint', place, 'drop', 'sums', '--job', job])).code).toBe(0);
    expect((await command(['checkpoint', place, 'inspect', '--job', `${job}?`])).err).toContain('no job is called');
    expect((await command(['checkpoint', place, 'inspect'])).err).toContain('--job is missing: the jobs are');
  });
});
