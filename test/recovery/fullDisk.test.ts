import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildChild } from '../crash/buildChild.js';
import { scratch } from '../crash/scratch.js';

// A limit on the length of files stands for a full disk: to LMDB both are a write that was cut short.

let child = '';
const base = scratch();
beforeAll(async () => {
  child = await buildChild(new URL('fullDiskChild.ts', import.meta.url));
});
afterAll(() => {
  rmSync(base, { recursive: true, force: true });
  rmSync(child, { force: true });
});

interface Life {
  readonly status: number | null;
  readonly said: string;
}

/** A process that can write no file longer than `kib`. */
function live(directory: string, cacheKeys: string | undefined, kib: number | undefined): Life {
  // The shell counts blocks of 512 bytes.
  const limit = kib === undefined ? '' : `ulimit -f ${kib * 2};`;
  const args = [child, directory, ...(cacheKeys ? [cacheKeys] : [])];
  const options = { encoding: 'utf8', timeout: 120_000 } as const;
  const { status, stdout } = spawnSync('sh', ['-c', `${limit} exec "$0" "$@"`, process.execPath, ...args], options);
  return { status, said: stdout };
}

function outputs(directory: string): Readonly<Record<string, string>> {
  const folder = join(directory, 'output');
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

describe.runIf(process.platform !== 'win32').each([undefined, '5'])(
  'lmdbCheckpoint on a full disk, cacheKeys %s',
  (cacheKeys) => {
    it('fails with a StorageError, and with room again nothing is lost or doubled', () => {
      const whole = join(base, `whole-${cacheKeys}`);
      mkdirSync(whole);
      expect(live(whole, cacheKeys, undefined)).toEqual({ status: 0, said: '' });

      const directory = join(base, `full-${cacheKeys}`);
      mkdirSync(directory);
      const actions = new Set<string>();
      const reached: number[] = [];
      for (const kib of [4, 100, 400, 600, 800, 1_000, 1_200]) {
        const { status, said } = live(directory, cacheKeys, kib);
        expect(status).toBe(1);
        const { name, message } = JSON.parse(said) as Error;
        expect(name).toBe('StorageError');
        expect(message).toContain(`${join(directory, 'checkpoint')}: cannot `);
        actions.add(message.slice(message.indexOf(': cannot ')).split(' ')[2]!);
        reached.push(readdirSync(join(directory, 'output')).length);
      }
      expect([...actions].sort()).toEqual(expect.arrayContaining(['open', 'save']));
      // Between two that failed it goes on where it was.
      expect(reached.at(-1)).toBeGreaterThan(reached[2]!);
      expect(reached.at(-1)).toBeLessThan(30);

      expect(live(directory, cacheKeys, undefined)).toEqual({ status: 0, said: '' });
      expect(outputs(directory)).toEqual(outputs(whole));
    });
  },
);
