import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TopicPartitionOffset } from 'dstream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildChild } from '../crash/buildChild.js';
import { exitCodes } from '../crash/exitCodes.js';
import { writeLog } from '../crash/fileLog.js';
import { judge } from '../crash/judge.js';
import { readFiles } from '../crash/outputFiles.js';
import { scratch } from '../crash/scratch.js';
import { nightly } from '../support/nightly.js';

// A process stops at a point of its own code, so that it is known what it goes on with when it is continued.

let child = '';
const base = scratch();
const started = new Set<ChildProcess>();
beforeAll(async () => {
  child = await buildChild();
  writeLog(base);
});
afterAll(() => {
  for (const life of started) life.kill('SIGKILL');
  rmSync(base, { recursive: true, force: true });
  rmSync(child, { force: true });
});

interface Life {
  readonly life: ChildProcess;
  readonly code: Promise<number | null>;
  said(): string;
}

/** Starts a process over a directory, to be stopped at a point when one is given. Gives its exit code when it has ended. */
function start(store: string, directory: string, seed: number, point?: string): Life {
  const env = point ? { DSTREAM_FAILPOINT: point, DSTREAM_FAILPOINT_STOP: '1' } : {};
  const life = spawn(process.execPath, [child, directory, base, store, String(seed), '1000000'], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  });
  started.add(life);
  let said = '';
  life.stderr?.on('data', (bytes) => {
    said += bytes;
  });
  const code = new Promise<number | null>((resolve) => life.on('close', resolve));
  return { life, code: code.finally(() => started.delete(life)), said: () => said };
}

/** Waits until the kernel says that it is stopped. */
async function stopped({ life, said }: Life): Promise<void> {
  const state = () => readFileSync(`/proc/${life.pid}/stat`, 'utf8').split(') ')[1]?.[0];
  while (state() !== 'T') {
    if (life.exitCode !== null) throw new Error(`it ended before its point: ${said()}`);
    await sleep(5);
  }
}

/** Results and, of files, the checkpoint; not what is being written, and not the room that LMDB has for what comes. */
function contents(directory: string): Readonly<Record<string, string>> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const kept = files.filter(({ name }) => !/\.(tmp|\d+)$|^offsets\.json$|\.mdb$|^room-/.test(name));
  return Object.fromEntries(
    kept.map(({ parentPath, name }) => [
      join(parentPath, name),
      readFileSync(join(parentPath, name)).toString('latin1'),
    ]),
  );
}

/** What the group has committed. */
function offsets(directory: string): ReadonlyMap<number, number> {
  const path = join(directory, 'offsets.json');
  const positions = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as TopicPartitionOffset[]) : [];
  return new Map(positions.map(({ partition, offset }) => [partition, offset]));
}

/** How many transactions an LMDB has committed, by its two meta pages; 0 where there is none. */
function transactions(directory: string): number {
  const path = join(directory, 'checkpoint', 'data.mdb');
  if (!existsSync(path)) return 0;
  const data = readFileSync(path);
  return Math.max(...[152, 4_096 + 152].map((at) => Number(data.readBigUInt64LE(at))));
}

/** Lets another process take over when the lease of the first is over, to the end. With LMDB one that is stopped within a commit has the other wait for it. */
async function takeOver(store: string, directory: string, first: Life, seed: number): Promise<Life> {
  const second = start(store, directory, seed + 1);
  if (store === 'file') await second.code;
  else await Promise.race([second.code, sleep(20_000)]);
  if (second.life.exitCode === null) first.life.kill('SIGCONT');
  return second;
}

const points = [
  'plan:before:6',
  'plan:after:8',
  'dispatch:10',
  'output:before-link:40',
  'save:before:12',
  'save:after:15',
];

const stores = ['file', 'lmdb', 'tiered'];
/** Each point with one of the stores, nightly with all. */
const pointsOf = (store: string) => points.filter((_, i) => nightly || i % stores.length === stores.indexOf(store));

// The state of a process is read from /proc.
describe.runIf(process.platform === 'linux').each(stores)('with the checkpoint %s', (store) => {
  it.each(pointsOf(store))(
    'a process that was stopped at %s while another took over writes nothing more',
    async (point) => {
      const seed = points.indexOf(point);
      const directory = join(base, `${store}-${seed}`);
      mkdirSync(directory);
      const first = start(store, directory, seed, point);
      await stopped(first);
      const second = await takeOver(store, directory, first, 100 * (seed + 1));
      expect(await second.code, second.said()).toBe(exitCodes.done);
      const [before, saved, committed] = [contents(directory), transactions(directory), offsets(directory)];

      first.life.kill('SIGCONT');
      expect(await first.code, first.said()).toBe(exitCodes.fenced);
      expect(contents(directory)).toEqual(before);
      expect(transactions(directory)).toBe(saved);
      // What it had saved before it may still report as committed: that falls back then, and never goes ahead.
      for (const [partition, offset] of offsets(directory))
        expect(offset).toBeLessThanOrEqual(committed.get(partition)!);

      // A restart goes by the checkpoint and finds nothing left to do.
      const third = start(store, directory, 100 * (seed + 1) + 2);
      expect(await third.code, third.said()).toBe(exitCodes.done);
      expect(judge(readFiles(directory))).toEqual({ lost: [], doubled: [] });
    },
  );
});
