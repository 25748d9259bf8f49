import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildChild } from '../crash/buildChild.js';
import { exitCodes } from '../crash/exitCodes.js';
import { writeLog } from '../crash/fileLog.js';
import { judge } from '../crash/judge.js';
import { asFromAnotherMachine } from '../crash/lock.js';
import { readFiles } from '../crash/outputFiles.js';
import { scratch } from '../crash/scratch.js';

let child = '';
const base = scratch();
beforeAll(async () => {
  child = await buildChild();
  writeLog(base);
});
afterAll(() => {
  rmSync(base, { recursive: true, force: true });
  rmSync(child, { force: true });
});

/** Starts a process over a directory. Gives it, and its exit code when it has ended. */
function start(
  directory: string,
  seed: number,
): { life: ChildProcess; code: Promise<number | null>; said: () => string } {
  const life = spawn(process.execPath, [child, directory, base, 'file', String(seed), '1000000'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  life.stderr?.on('data', (bytes) => {
    said += bytes;
  });
  return { life, code: new Promise((resolve) => life.on('close', resolve)), said: () => said };
}

function outputs(directory: string): readonly string[] {
  const folder = join(directory, 'output');
  return existsSync(folder) ? readdirSync(folder).filter((name) => !name.includes('.')) : [];
}

/** Every file of the run with its bytes, but for the temporary ones of the stopped process. */
function contents(directory: string): Readonly<Record<string, string>> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const kept = files.filter(({ name }) => !/\.(tmp|\d+)$/.test(name));
  return Object.fromEntries(
    kept.map(({ parentPath, name }) => [name, readFileSync(join(parentPath, name)).toString('latin1')]),
  );
}

it('a process that was stopped while another took over writes nothing more', { timeout: 300_000 }, async () => {
  for (let round = 0; round < 5; round++) {
    const directory = join(base, `run-${round}`);
    mkdirSync(directory);
    const first = start(directory, round);
    while (outputs(directory).length < 10 + 30 * round) await sleep(2);
    first.life.kill('SIGSTOP');
    const refused = start(directory, 100 + round);
    expect(await refused.code).toBe(exitCodes.failed);
    expect(refused.said()).toContain('in use by process');

    asFromAnotherMachine(directory);
    const second = start(directory, 200 + round);
    expect(await second.code, second.said()).toBe(exitCodes.done);
    const before = contents(directory);

    first.life.kill('SIGCONT');
    expect(await first.code, first.said()).toBe(exitCodes.fenced);
    expect(contents(directory)).toEqual(before);
    expect(judge(readFiles(directory))).toEqual({ lost: [], doubled: [] });
  }
});
