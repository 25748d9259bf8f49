import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { LmdbCheckpointOptions } from 'dstream/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildChild } from '../crash/buildChild.js';
import { scratch } from '../crash/scratch.js';
import { nightly } from '../support/nightly.js';

// LMDB trusts its files, and may end the process over a damaged one: so the tries are made in processes of their own. With
// `verify: 'pages'` none of them may end; by default a damaged page may end one, and with `cacheKeys` it may hide a key.

let child = '';
const base = scratch();
const directory = join(base, 'checkpoint');
beforeAll(async () => {
  child = await buildChild(new URL('lmdbDamageChild.ts', import.meta.url));
  expect(spawnSync(process.execPath, [child, 'make', directory]).status).toBe(0);
});
afterAll(() => {
  rmSync(base, { recursive: true, force: true });
  rmSync(child, { force: true });
});

/** What came of each damage; "ended by SIGNAL" when the process did. */
function tryAll(options: LmdbCheckpointOptions, damages: readonly string[]): ReadonlyMap<string, string> {
  const report = join(base, 'report');
  const results = new Map<string, string>();
  while (results.size < damages.length) {
    writeFileSync(report, '');
    const next = damages.slice(results.size, results.size + triesPerProcess);
    const args = [child, 'try', directory, report, JSON.stringify(options), ...next];
    const { status, signal, stderr } = spawnSync(process.execPath, args, { timeout: 240_000, encoding: 'utf8' });
    const lines = readFileSync(report, 'utf8').split('\n').filter(Boolean);
    if (lines.length === 0) throw new Error(`no try was begun: ${stderr}`);
    for (const line of lines) {
      const [damage = '', ...result] = line.split(' ');
      results.set(damage, result.join(' ') || `ended by ${signal ?? `exit code ${status}`}`);
    }
  }
  return results;
}

const triesPerProcess = 250;
const bitStep = nightly ? 5 : 13;
const refused = /^CorruptCheckpointError: COPY/;
/** What LMDB says of some damage is that it cannot do what it would take, such as a file of that size. */
const notOpened = /^StorageError: COPY: cannot open the checkpoint/;
const crashed = /^ended by SIG(SEGV|BUS|ABRT)$/;

/** Of the damages tried by default with `cacheKeys`, which hide the first or the last key: nothing beside it shows that. */
const hidingCount = 2;

/** All that may come of a damage. */
function expectSafe(results: ReadonlyMap<string, string>, { verify, cacheKeys }: LmdbCheckpointOptions): void {
  const safe = (result: string) =>
    result === 'right' || refused.test(result) || (!verify && (crashed.test(result) || notOpened.test(result)));
  const unsafe = [...results].filter(([, result]) => !safe(result));
  const hiding = unsafe.filter(([, result]) => result === 'wrong');
  if (verify || !cacheKeys || hiding.length > hidingCount) expect(unsafe).toEqual([]);
  else expect(unsafe).toEqual(hiding);
}

const count = (results: ReadonlyMap<string, string>, pattern: RegExp) =>
  [...results.values()].filter((result) => pattern.test(result)).length;
const steps = (from: number, until: number, step: number, name: string) =>
  Array.from({ length: Math.ceil((until - from) / step) }, (_, i) => `${name}-${from + i * step}`);

/** Nightly with `cacheKeys` too. */
const cached: readonly LmdbCheckpointOptions[] = nightly ? [{ verify: 'pages', cacheKeys: 3 }, { cacheKeys: 3 }] : [];

describe.each<LmdbCheckpointOptions>([{ verify: 'pages' }, {}, ...cached])(
  'a damaged file of lmdbCheckpoint, %o',
  (options) => {
    it('is refused with its name, or read right, when a bit of a meta page is flipped', () => {
      const metaBits = 160 * 8;
      const bits = [...steps(0, metaBits, bitStep, 'bit'), ...steps(4_096 * 8, 4_096 * 8 + metaBits, bitStep, 'bit')];
      const results = tryAll(options, bits);
      expect(results.size).toBe(bits.length);
      expectSafe(results, options);
      expect(count(results, refused)).toBeGreaterThan(1_000 / bitStep);
    });

    it('is refused with its name when it is cut', () => {
      const { size } = statSync(join(directory, 'data.mdb'));
      const cuts = steps(1, size, nightly ? 2_039 : 4_093, 'cut');
      const results = tryAll(options, cuts);
      expect(results.size).toBe(cuts.length);
      expectSafe(results, options);
      expect(count(results, refused)).toBeGreaterThan(2);
    });

    it('is refused with its name, or read right, when a bit of what it keeps is flipped', () => {
      // Beyond these pages there is room for the next ones.
      const bits = steps(2 * 4_096 * 8, 30 * 4_096 * 8, nightly ? 997 : 2_999, 'bit');
      const results = tryAll(options, bits);
      expect(results.size).toBe(bits.length);
      expectSafe(results, options);
      expect(count(results, refused)).toBeGreaterThan(nightly ? 20 : 6);
    });
  },
);
