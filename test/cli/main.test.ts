import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foreachBatch, fromBatches, IncompatibleStateError, type Pair, updateStateByKey } from 'dstream';
import { fileCheckpoint, lmdbCheckpoint } from 'dstream/node';
import { firstValueFrom, from, lastValueFrom } from 'rxjs';
import { afterAll, describe, expect, it } from 'vitest';
import { runCommand as run } from '../support/runCommand.js';
import { settle } from '../support/savedBatches.js';

const root = mkdtempSync(join(tmpdir(), 'dstream-cli-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let directories = 0;
const newDirectory = () => join(root, `store ${directories++}`);

const connect = { files: fileCheckpoint, lmdb: lmdbCheckpoint };
const visits: Pair<string, number>[][] = [
  [
    ['ann', 1],
    ['bob', 1],
  ],
  [['ann', 1]],
];
const visitsOver = (store: keyof typeof connect, directory: string, id = 'visits', batches = visits) =>
  lastValueFrom(
    fromBatches(batches, { interval: 10, checkpoint: connect[store](directory) }).pipe(
      updateStateByKey((ones, n: number | undefined) => (n ?? 0) + ones.length, { id }),
      foreachBatch(() => {}),
    ),
    { defaultValue: undefined },
  );

describe.each(['files', 'lmdb'] as const)('dstream checkpoint, of %s', (store) => {
  it('inspects, renames, exports, imports and drops', async () => {
    const directory = newDirectory();
    await visitsOver(store, directory, 'visits', visits.slice(0, 1));
    const { code, out } = await run(['checkpoint', directory, 'inspect']);
    expect(code).toBe(0);
    expect(out).toContain(`${directory}\nlast batch: `);
    expect(out).toContain('state "visits": updateStateByKey, version 0, 2 keys\n');
    expect(JSON.parse((await run(['checkpoint', directory, 'inspect', '--json'])).out).interval).toBe(10);

    // What the refusal of the stream names.
    const refused = await visitsOver(store, directory, 'visitors').catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(IncompatibleStateError);
    const command = /npx dstream checkpoint ("[^"]+") rename "visits" NEW-ID/.exec((refused as Error).message);
    expect(JSON.parse(command?.[1] ?? '""')).toBe(directory);
    expect((await run(['checkpoint', directory, 'rename', 'visits', 'visitors'])).out).toContain('is "visitors" now');
    await visitsOver(store, directory, 'visitors');

    const exported = await run(['checkpoint', directory, 'export', 'visitors']);
    expect(exported.out.split('\n').slice(1)).toEqual([
      '{"dstream":"state","id":"visitors","operator":"updateStateByKey","signature":"","version":0}',
      '{"key":"ann","state":2}',
      '{"key":"bob","state":1}',
      '',
    ]);
    const copy = newDirectory();
    const other = store === 'files' ? 'lmdb' : 'files';
    const imported = await run(['checkpoint', copy, 'import', '--store', other], exported.out);
    expect(imported).toEqual({ code: 0, out: `imported "visitors" into ${copy}\n`, err: '' });
    expect((await run(['checkpoint', copy, 'export'])).out).toBe(exported.out);
    expect((await run(['checkpoint', copy, 'import'], exported.out)).err).toContain('replace');
    expect((await run(['checkpoint', copy, 'import', '--replace'], exported.out)).code).toBe(0);

    expect((await run(['checkpoint', directory, 'drop', 'visitors'])).code).toBe(0);
    expect((await run(['checkpoint', directory, 'inspect'])).out).not.toContain('state ');
  });

  it('splits by key', async () => {
    const [directory, target] = [newDirectory(), newDirectory()];
    await visitsOver(store, directory);
    const { code, out } = await run(['checkpoint', directory, 'split', '--of', '2', '--to', target, '--store', store]);
    expect([code, out]).toEqual([0, `wrote ${join(target, '0')}\nwrote ${join(target, '1')}\n`]);
    const keys = await Promise.all(
      ['0', '1'].map(async (part) => (await run(['checkpoint', join(target, part), 'export'])).out),
    );
    expect(keys.join('').match(/"key"/g)).toHaveLength(2);
  });

  it('is refused while a stream owns it', async () => {
    const directory = newDirectory();
    await visitsOver(store, directory);
    const session = await firstValueFrom(from(connect[store](directory).open()));
    const { code, err } = await run(['checkpoint', directory, 'drop', 'visits']);
    expect(code).toBe(1);
    expect(err).toContain(
      `dstream: checkpoint ${directory}: cannot open: it is in use by another stream of this process`,
    );
    await settle(session.close());
  });
});

it('says what is wrong: an unknown id with the known ones, and damage with file and offset', async () => {
  const directory = newDirectory();
  await visitsOver('files', directory);
  const unknown = await run(['checkpoint', directory, 'drop', 'vists']);
  expect(unknown.code).toBe(1);
  expect(unknown.err).toContain(`id ("vists") is no state of ${directory}, which has "visits"`);
  const log = join(directory, 'changelog-1');
  const bytes = readFileSync(log);
  bytes[60]! ^= 1;
  writeFileSync(log, bytes);
  const damaged = await run(['checkpoint', directory, 'inspect']);
  expect(damaged.code).toBe(1);
  expect(damaged.err).toMatch(/^dstream: \S* ?\d+\/changelog-1: damaged at byte \d+: /);
});

it('explains its use, and what it does not understand', async () => {
  expect((await run(['--help'])).out).toMatch(/^Usage: dstream checkpoint LOCATION COMMAND/);
  expect((await run([])).code).toBe(2);
  const there = newDirectory();
  await visitsOver('files', there);
  const wrong: readonly (readonly [args: readonly string[], message: string])[] = [
    [['checkpiont'], 'unknown command "checkpiont"'],
    [['checkpoint', there], 'needs LOCATION and COMMAND'],
    [['checkpoint', there, 'open'], 'unknown command checkpoint "open"'],
    [['checkpoint', there, 'drop'], 'drop ID: 0 operands instead of 1'],
    [['checkpoint', there, 'inspect', '--yaml'], "Unknown option '--yaml'"],
    [['checkpoint', there, 'inspect', '--job', 'a'], '--job is for a location in PostgreSQL'],
    [['checkpoint', there, 'split', '--of', '2'], 'split needs --of N and --to TARGET'],
    [['checkpoint', newDirectory(), 'inspect'], 'has no checkpoint'],
    [['checkpoint', newDirectory(), 'import', '--store', 'redis'], '--store must be files or lmdb'],
  ];
  for (const [args, message] of wrong) {
    const { code, err } = await run(args);
    expect([args, code]).toEqual([args, 2]);
    expect(err).toContain(message);
  }
});
