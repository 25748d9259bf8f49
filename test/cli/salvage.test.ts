import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foreachBatch, fromBatches, InvalidOptionError, type Pair, updateStateByKey } from 'dstream';
import {
  CorruptCheckpointError,
  exportCheckpoint,
  fileCheckpoint,
  fileWriteAheadLog,
  lmdbCheckpoint,
} from 'dstream/node';
import { concat, firstValueFrom, from, lastValueFrom } from 'rxjs';
import { afterAll, describe, expect, it } from 'vitest';
import { runCommand as run } from '../support/runCommand.js';

const root = mkdtempSync(join(tmpdir(), 'dstream-salvage-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let directories = 0;
const newDirectory = () => join(root, `store-${directories++}`);

const connect = { files: fileCheckpoint, lmdb: lmdbCheckpoint };
type Store = keyof typeof connect;
const visit = (...names: readonly string[]): Pair<string, number>[] => names.map((name) => [name, 1]);

/** Runs the job to the end of the batches; returns the totals after each. */
async function totalsOver(store: Store, directory: string, batches: readonly Pair<string, number>[][]) {
  const totals: Record<string, number>[] = [];
  await lastValueFrom(
    fromBatches(batches, { interval: 10, checkpoint: connect[store](directory) }).pipe(
      updateStateByKey((ones, n: number | undefined) => (n ?? 0) + ones.length, { id: 'visits' }),
      foreachBatch((all) => {
        totals.push(Object.fromEntries(all));
      }),
    ),
    { defaultValue: undefined },
  );
  return totals;
}

/** Flips a bit behind the last occurrence of a text in a file. */
function damage(path: string, text: string, which: 'first' | 'last' = 'last'): void {
  const bytes = readFileSync(path);
  let at = which === 'first' ? bytes.indexOf(text) : bytes.lastIndexOf(text);
  expect(at).toBeGreaterThan(0);
  at += text.length - 1;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

const batches = [visit('ann', 'bob'), visit('ann', 'cid'), visit('cid', 'bob'), visit('ann')];

describe('export --skip-damaged, of files', () => {
  it('is as of the batch before a lost record, from where a job goes on as if nothing had been', async () => {
    const [directory, copy] = [newDirectory(), newDirectory()];
    const expected = await totalsOver('files', directory, batches);
    // The third of the four batches.
    damage(join(directory, 'changelog-1'), 'cid', 'last');

    await expect(totalsOver('files', directory, batches)).rejects.toThrow(CorruptCheckpointError);
    const refused = await run(['checkpoint', directory, 'inspect']);
    expect(refused.code).toBe(1);
    expect(refused.err).toContain(`; \`npx dstream checkpoint ${directory} export --skip-damaged\` reads the rest\n`);

    const before = readdirSync(directory);
    const { code, out, err } = await run(['checkpoint', directory, 'export', '--skip-damaged']);
    expect(code).toBe(1);
    expect(err).toMatch(
      /left out: \S+changelog-1 from \d+ to \d+: the checksum of a record is wrong: a record is lost\n/,
    );
    expect(err).toMatch(
      /left out: \S+: it is as of the batch of time \d+: 1 later ones, until time \d+, are left out\n/,
    );
    expect(err).toContain('the export is not complete: 2 lines say what is damaged');
    expect(out.split('\n').slice(1)).toEqual([
      '{"dstream":"state","id":"visits","operator":"updateStateByKey","signature":"","version":0}',
      '{"key":"ann","state":2}',
      '{"key":"bob","state":1}',
      '{"key":"cid","state":1}',
      '',
    ]);
    expect(readdirSync(directory)).toEqual(before);

    expect((await run(['checkpoint', copy, 'import'], out)).code).toBe(0);
    expect(await totalsOver('files', copy, batches)).toEqual(expected.slice(2));
  });

  it('leaves out what is unknown behind a lost record, with --past-damage', async () => {
    const [directory, copy] = [newDirectory(), newDirectory()];
    await totalsOver('files', directory, batches);
    damage(join(directory, 'changelog-1'), 'cid', 'last');
    const { code, out, err } = await run(['checkpoint', directory, 'export', '--skip-damaged', '--past-damage']);
    expect(code).toBe(1);
    for (const key of ['bob', 'cid']) expect(err).toContain(`state "visits", key "${key}": its value is unknown`);
    expect(out.split('\n').slice(2)).toEqual(['{"key":"ann","state":3}', '']);
    expect((await run(['checkpoint', copy, 'import'], out)).code).toBe(0);
    // It has read all of them.
    expect(await totalsOver('files', copy, [...batches, visit('bob', 'ann')])).toEqual([{ ann: 4, bob: 1 }]);
  });

  it('is the whole checkpoint, with exit code 0, where nothing is damaged', async () => {
    const directory = newDirectory();
    await totalsOver('files', directory, batches);
    const whole = await run(['checkpoint', directory, 'export']);
    expect(await run(['checkpoint', directory, 'export', '--skip-damaged'])).toEqual({ ...whole, code: 0, err: '' });
    expect((await run(['checkpoint', directory, 'export', '--past-damage'])).code).toBe(2);
  });

  it('says that the key is missing, not that everything is damaged', async () => {
    const directory = newDirectory();
    const checkpoint = fileCheckpoint(directory, { integrityKey: 'a secret of 32 bytes, or of more of them' });
    await lastValueFrom(
      fromBatches(batches, { interval: 10, checkpoint }).pipe(
        updateStateByKey(() => 1, { id: 'visits' }),
        foreachBatch(() => {}),
      ),
      { defaultValue: undefined },
    );
    const { code, out, err } = await run(['checkpoint', directory, 'export', '--skip-damaged']);
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/integrityKey, which is missing \(`npx dstream` takes it from DSTREAM_INTEGRITY_KEY\)\n$/);
  });
});

describe('export --skip-damaged, of lmdb', () => {
  it('is everything but the damaged key, which a job counts anew', async () => {
    const [directory, copy] = [newDirectory(), newDirectory()];
    const names = Array.from({ length: 30 }, (_, i) => `name-${i}-`);
    await totalsOver('lmdb', directory, [visit(...names), visit(...names)]);
    damage(join(directory, 'data.mdb'), 'sname-7-2');

    await expect(totalsOver('lmdb', directory, batches)).rejects.toThrow(
      `\`npx dstream checkpoint ${directory} export --skip-damaged\` reads the rest`,
    );
    const { code, out, err } = await run(['checkpoint', directory, 'export', '--skip-damaged']);
    expect(code).toBe(1);
    expect(err).toMatch(/data\.mdb at \d+, state "visits", key "name-7-": the checksum of a state does not fit\n/);
    expect(err).toContain('state "visits": 1 of its 30 keys are left out\n');
    expect(out.match(/"state":2/g)).toHaveLength(29);
    expect((await run(['checkpoint', copy, 'import', '--store', 'lmdb'], out)).code).toBe(0);
    const [totals] = await totalsOver('lmdb', copy, [[], [], visit('name-7-', 'name-8-')]);
    expect(totals).toMatchObject({ 'name-7-': 1, 'name-8-': 3 });
  });
});

it('tells a program each damage, and takes pastDamage with skipDamaged only', async () => {
  const directory = newDirectory();
  await totalsOver('files', directory, batches);
  damage(join(directory, 'changelog-1'), 'cid');
  const places: (number | undefined)[] = [];
  const next = ({ offset }: { readonly offset?: number }) => void places.push(offset);
  const checkpoint = fileCheckpoint(directory);
  const lines: string[] = [];
  const options = { skipDamaged: true, damageObserver: { next } };
  for await (const line of exportCheckpoint(checkpoint, ['visits'], options)) lines.push(line);
  expect(lines).toHaveLength(5);
  expect(places).toEqual([expect.any(Number), undefined]);
  expect(() => exportCheckpoint(checkpoint, undefined, { pastDamage: true })).toThrow(InvalidOptionError);
});

describe('log export', () => {
  /** A log of ten records whose batches were never saved. */
  async function log(saved = 0): Promise<string> {
    const directory = newDirectory();
    const session = await firstValueFrom(from(fileWriteAheadLog(directory).open({ saved, planned: saved })));
    for (let from = saved; from < 10; from += 2) {
      await lastValueFrom(concat(session.append({ from, records: [`r${from}`, BigInt(from + 1)] })), none);
    }
    await lastValueFrom(concat(session.close()), none);
    return directory;
  }
  const none = { defaultValue: undefined };

  it('has the records of a log, and reaches those behind a damaged block', async () => {
    const directory = await log();
    const whole = await run(['log', directory, 'export']);
    expect(whole.code).toBe(0);
    expect(whole.out.split('\n').slice(0, 3)).toEqual([
      '{"offset":0,"record":"r0"}',
      '{"offset":1,"record":{"$":"bigint","value":"1"}}',
      '{"offset":2,"record":"r2"}',
    ]);
    expect((await run(['log', directory, 'export', '--from', '7'])).out.match(/offset/g)).toHaveLength(3);

    damage(join(directory, 'segment-1'), 'r4');
    const opened = firstValueFrom(from(fileWriteAheadLog(directory).open({ saved: 0, planned: 0 })));
    await expect(opened).rejects.toThrow(`\`npx dstream log ${directory} export --skip-damaged\` reads the rest`);
    const refused = await run(['log', directory, 'export']);
    expect([refused.code, refused.err.includes('the checksum of a record is wrong')]).toEqual([1, true]);
    const { code, out, err } = await run(['log', directory, 'export', '--skip-damaged']);
    expect(code).toBe(1);
    expect(err).toMatch(/segment-1 from \d+ to \d+: the checksum of a record is wrong\n/);
    expect(err).toContain('records 4 to 5 are not in the log\n');
    expect([...out.matchAll(/"offset":(\d)/g)].map(([, offset]) => Number(offset))).toEqual([0, 1, 2, 3, 6, 7, 8, 9]);
  });

  it('says when the log begins behind what is asked for', async () => {
    const directory = await log(4);
    expect((await run(['log', directory, 'export'])).code).toBe(0);
    const { code, out, err } = await run(['log', directory, 'export', '--from', '2', '--skip-damaged']);
    expect([code, out.match(/offset/g)?.length, err]).toEqual([
      1,
      6,
      expect.stringContaining('records 2 to 3 are not in'),
    ]);
  });

  it('explains what it does not understand', async () => {
    const directory = await log();
    for (const [args, message] of [
      [['log', directory], 'log needs DIRECTORY and COMMAND'],
      [['log', directory, 'drop'], 'unknown command log "drop"'],
      [['log', directory, 'export', '--from', 'x'], '--from must be an offset'],
      [['log', newDirectory(), 'export'], 'has no write-ahead log'],
    ] as const) {
      const { code, err } = await run(args);
      expect([args, code, err.includes(message)]).toEqual([args, 2, true]);
    }
  });
});
