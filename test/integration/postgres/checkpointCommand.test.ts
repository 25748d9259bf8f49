import { foreachBatch, fromBatches, type Pair, updateStateByKey } from 'dstream';
import { postgresCheckpoint } from 'dstream/node';
import type { Pool } from 'pg';
import { firstValueFrom, from, lastValueFrom } from 'rxjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { describePostgres, newName, newPool, postgresUrl } from '../../support/postgres.js';
import { runCommand } from '../../support/runCommand.js';
import { settle } from '../../support/savedBatches.js';

describePostgres('dstream checkpoint, of PostgreSQL', () => {
  let pool: Pool;
  const schema = newName();
  beforeAll(() => {
    pool = newPool();
  });
  afterAll(async () => {
    await pool.query(`drop schema if exists ${schema} cascade`);
    await pool.end();
  });

  const run = (job: string | undefined, args: readonly string[], input = '') =>
    runCommand(
      ['checkpoint', postgresUrl, ...args, '--schema', schema, ...(job === undefined ? [] : ['--job', job])],
      input,
    );
  const visitsOver = async (job: string, id: string, visits: readonly Pair<string, number>[][]) => {
    const seen: Pair<string, number>[] = [];
    await lastValueFrom(
      fromBatches(visits, { interval: 10, checkpoint: postgresCheckpoint(pool, { job, schema }) }).pipe(
        updateStateByKey((ones, n: number | undefined) => (n ?? 0) + ones.length, { id }),
        foreachBatch((totals) => {
          seen.push(...totals);
        }),
      ),
      { defaultValue: undefined },
    );
    return seen;
  };

  it('inspects, renames, exports, imports and drops, by URL and job', async () => {
    const [job, copy] = ['visits of users', 'a copy'];
    const first: Pair<string, number>[] = [
      ['ann', 1],
      ['bob', 1],
    ];
    await visitsOver(job, 'visits', [first]);
    expect((await run(job, ['inspect'])).out).toContain('state "visits": updateStateByKey, version 0, 2 keys\n');
    expect(JSON.parse((await run(job, ['inspect', '--json'])).out)).toMatchObject({ interval: 10 });
    expect((await run(undefined, ['inspect'])).err).toContain(`--job is missing: the jobs are "${job}"`);
    expect(await run('another', ['inspect'])).toMatchObject({
      code: 2,
      err: expect.stringContaining(`no job is called "another": the jobs are "${job}"`),
    });

    expect((await run(job, ['rename', 'visits', 'visitors'])).out).toContain('is "visitors" now');
    expect(await visitsOver(job, 'visitors', [first, [['ann', 1]]])).toContainEqual(['ann', 2]);

    const exported = await run(job, ['export', 'visitors']);
    expect(exported.out.split('\n').slice(1).sort()).toEqual([
      '',
      '{"dstream":"state","id":"visitors","operator":"updateStateByKey","signature":"","version":0}',
      '{"key":"ann","state":2}',
      '{"key":"bob","state":1}',
    ]);
    expect(await run(copy, ['import'], exported.out)).toMatchObject({ code: 0, err: '' });
    expect((await run(copy, ['export'])).out.split('\n').sort()).toEqual(exported.out.split('\n').sort());
    expect((await run(copy, ['import'], exported.out)).err).toContain('replace');
    expect((await run(copy, ['import', '--replace'], exported.out)).code).toBe(0);

    expect(await run(job, ['drop', 'nobody'])).toMatchObject({ code: 1, err: expect.stringContaining('visitors') });
    expect((await run(job, ['drop', 'visitors'])).code).toBe(0);
    expect((await run(job, ['inspect'])).out).not.toContain('state ');
    expect((await run(copy, ['inspect'])).out).toContain('state "visitors"');
  });

  it('is refused while a stream owns the job', async () => {
    const job = 'owned';
    const session = await firstValueFrom(from(postgresCheckpoint(pool, { job, schema }).open()));
    const progress = { time: 10, zeroTime: 0, interval: 10, positions: {}, changes: [] };
    await settle(session.save(progress));
    for (const args of [['inspect'], ['drop', 'visits'], ['rename', 'a', 'b'], ['export']]) {
      expect(await run(job, args)).toMatchObject({ code: 1, out: '', err: expect.stringContaining('in use by') });
    }
    await settle(session.close());
    expect(await run(job, ['inspect'])).toMatchObject({ code: 0, err: '' });
  });

  it('exports everything but a damaged row, and names that', async () => {
    const [job, copy] = ['damaged', 'the rest'];
    const names = ['ann', 'bob', 'cid'];
    await visitsOver(job, 'visits', [names.map((name) => [name, 1]), names.map((name) => [name, 1])]);
    const damaged = await pool.query(
      `update ${schema}.state_entries set value = '\\x0102'::bytea where job = $1 and key = 'sbob'::bytea returning seq`,
      [job],
    );
    expect(damaged.rowCount).toBe(1);
    const hint = `; \`npx dstream checkpoint POSTGRES-URL export --skip-damaged --job "${job}"\` reads the rest`;
    await expect(visitsOver(job, 'visits', [[], [], [['ann', 1]]])).rejects.toThrow(hint);
    const { code, out, err } = await run(job, ['export', '--skip-damaged']);
    expect(code).toBe(1);
    const row = damaged.rows[0].seq;
    expect(err).toContain(`PostgreSQL job "${job}" at ${row}, state "visits", key "bob": an entry cannot be read`);
    expect(out.match(/"state":2/g)).toHaveLength(2);
    expect((await run(copy, ['import'], out)).code).toBe(0);
    const batches: Pair<string, number>[][] = [
      [],
      [],
      [
        ['bob', 1],
        ['ann', 1],
      ],
    ];
    expect(Object.fromEntries(await visitsOver(copy, 'visits', batches))).toMatchObject({ ann: 3, bob: 1, cid: 2 });
  });
});
