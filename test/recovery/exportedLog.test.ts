import { spawn } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildChild } from '../crash/buildChild.js';
import { scratch } from '../crash/scratch.js';
import { Child } from '../support/childProcess.js';
import type { CommandRun } from '../support/runCommand.js';

// The command line as a process, on the log of a process that was killed while it wrote.

const base = scratch();
const original = join(base, 'killed', 'wal');
const built: string[] = [];
/** How many records the process that was killed knew to be stored. */
let told = 0;
let copies = 0;

beforeAll(async () => {
  built.push(
    await buildChild(new URL('../../src/cli/dstream.ts', import.meta.url)),
    await buildChild(new URL('exportedLogChild.ts', import.meta.url)),
  );
  const writer = new Child(built[1] as string, [join(base, 'killed')]);
  await writer.says('404');
  await writer.end();
  told = Number(writer.said.filter((line) => line !== '').at(-1)) + 1;
});
afterAll(() => {
  for (const path of [base, ...built]) rmSync(path, { recursive: true, force: true });
});

async function exported(directory: string, ...args: readonly string[]): Promise<CommandRun> {
  const run = spawn(process.execPath, [built[0] as string, 'log', directory, 'export', ...args]);
  const texts = [run.stdout, run.stderr].map(async (stream) => {
    let text = '';
    for await (const chunk of stream.setEncoding('utf8')) text += chunk;
    return text;
  });
  const code = await new Promise<number>((resolve) => run.on('close', (code) => resolve(code ?? -1)));
  const [out = '', err = ''] = await Promise.all(texts);
  return { code, out, err };
}

/** The offsets of an export, whose records must be those of their offsets. */
function offsetsOf({ out }: CommandRun): readonly number[] {
  const lines = out
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as { offset: number; record: string });
  for (const { offset, record } of lines) expect(record).toBe(`record ${offset}`);
  return lines.map(({ offset }) => offset);
}

const upTo = (end: number) => Array.from({ length: end }, (_, i) => i);

/** A copy of the log, and the paths of its segments. */
function copy(): { readonly directory: string; readonly segments: readonly string[] } {
  const directory = join(base, `copy-${copies++}`);
  cpSync(original, directory, { recursive: true });
  const numbers = readdirSync(directory).flatMap((name) => /^segment-(\d+)$/.exec(name)?.[1] ?? []);
  const segments = numbers
    .map(Number)
    .sort((a, b) => a - b)
    .map((number) => join(directory, `segment-${number}`));
  expect(segments.length).toBeGreaterThan(3);
  return { directory, segments };
}

const middle = ({ segments }: ReturnType<typeof copy>) => segments[Math.floor(segments.length / 2)] as string;

/** The records that the standard error says are not in the log. */
function missing({ err }: CommandRun): readonly number[] {
  return [...err.matchAll(/: records (\d+) to (\d+) are not in the log\n/g)].flatMap(([, from, to]) =>
    upTo(Number(to) + 1).slice(Number(from)),
  );
}

/** Everything is in the export, or is listed. */
function expectListed(run: CommandRun, damage: RegExp): void {
  expect(run.err).toMatch(damage);
  expect(missing(run)).not.toEqual([]);
  const known = [...offsetsOf(run), ...missing(run)].sort((a, b) => a - b);
  expect(known).toEqual(upTo(known.length));
  expect(known.length).toBeGreaterThanOrEqual(told);
  const lines = run.err.split('\n').slice(0, -1);
  expect(lines.at(-1)).toMatch(
    new RegExp(`: the export is not complete: ${lines.length - 1} lines say what is damaged$`),
  );
  expect(run.code).toBe(1);
}

it('has every record that was stored when the process was killed', async () => {
  const run = await exported(copy().directory);
  expect([run.code, run.err]).toEqual([0, '']);
  const offsets = offsetsOf(run);
  expect(offsets).toEqual(upTo(offsets.length));
  expect(offsets.length).toBeGreaterThanOrEqual(told);
  expect(await exported(copy().directory, '--skip-damaged')).toEqual(run);
});

it('lists the records of a block with a flipped bit, and has all others', async () => {
  const damaged = copy();
  const bytes = readFileSync(middle(damaged));
  const at = bytes.indexOf('record ', bytes.length / 2);
  bytes[at] = (bytes[at] ?? 0) ^ 4;
  writeFileSync(middle(damaged), bytes);
  const refused = await exported(damaged.directory);
  expect(refused.code).toBe(1);
  expect(refused.err).toMatch(/segment-\d+.*the checksum of a record is wrong/);
  const run = await exported(damaged.directory, '--skip-damaged');
  expectListed(run, /left out: \S+\/segment-\d+ from \d+ to \d+: the checksum of a record is wrong\n/);
});

it('lists the records of a segment that is gone, and has all others', async () => {
  const damaged = copy();
  rmSync(middle(damaged));
  const refused = await exported(damaged.directory);
  expect(refused.code).toBe(1);
  expect(refused.err).toMatch(/segment-\d+.*the file is missing/);
  const run = await exported(damaged.directory, '--skip-damaged');
  expectListed(run, /left out: \S+\/segment-\d+: the file is missing\n/);
});

it('lists the records at the end of an earlier segment that is cut off', async () => {
  const damaged = copy();
  truncateSync(middle(damaged), Math.floor(statSync(middle(damaged)).size * 0.6));
  const run = await exported(damaged.directory, '--skip-damaged');
  expectListed(run, /left out: \S+\/segment-\d+ from \d+ to \d+: it had \d+ bytes before\n/);
});

it('ends with the last whole record of a newest segment that is cut off, as by a crash', async () => {
  const damaged = copy();
  const [last] = damaged.segments.slice(-1) as [string];
  truncateSync(last, readFileSync(last).lastIndexOf('record '));
  for (const args of [[], ['--skip-damaged']]) {
    const run = await exported(damaged.directory, ...args);
    expect([run.code, run.err]).toEqual([0, '']);
    const offsets = offsetsOf(run);
    expect(offsets).toEqual(upTo(offsets.length));
  }
});
