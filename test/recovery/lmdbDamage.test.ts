import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildChild } from '../crash/buildChild.js';
import { scratch } from '../crash/scratch.js';

// LMDB trusts its files, and ends the process over a damaged one that it is given: so the tries are made in processes of their
// own, none of which may end.

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

/** What came of each damage; "ended" when the process did. */
function tryAll(cacheKeys: string, damages: readonly string[]): ReadonlyMap<string, string> {
  const report = join(base, 'report');
  writeFileSync(report, '');
  const results = new Map<string, string>();
  for (let left = damages; left.length > 0; left = left.slice(results.size - damages.length + left.length)) {
    spawnSync(process.execPath, [child, 'try', directory, report, cacheKeys, ...left.slice(0, 500)], {
      timeout: 60_000,
    });
    for (const line of readFileSync(report, 'utf8').split('\n').filter(Boolean)) {
      const [damage = '', ...result] = line.split(' ');
      results.set(damage, result.join(' ') || 'ended');
    }
    // The next process begins a line of its own.
    writeFileSync(report, '');
  }
  return results;
}

/** All that may come of a damage. */
function expectSafe(results: ReadonlyMap<string, string>): void {
  expect([...results].filter(([, result]) => result !== 'right' && !refused.test(result))).toEqual([]);
}

const count = (results: ReadonlyMap<string, string>, pattern: RegExp) =>
  [...results.values()].filter((result) => pattern.test(result)).length;
const refused = /^CorruptCheckpointError: COPY/;
const steps = (from: number, until: number, step: number, name: string) =>
  Array.from({ length: Math.ceil((until - from) / step) }, (_, i) => `${name}-${from + i * step}`);

describe.each(['-', '3'])('a damaged file of lmdbCheckpoint, cacheKeys %s', (cacheKeys) => {
  it('is refused with its name, or read right, when a bit of a meta page is flipped', () => {
    const metaBits = 160 * 8;
    const bits = [...steps(0, metaBits, 5, 'bit'), ...steps(4_096 * 8, 4_096 * 8 + metaBits, 5, 'bit')];
    const results = tryAll(cacheKeys, bits);
    expect(results.size).toBe(bits.length);
    expectSafe(results);
    expect(count(results, refused)).toBeGreaterThan(200);
  });

  it('is refused with its name when it is cut', () => {
    const { size } = statSync(join(directory, 'data.mdb'));
    const cuts = steps(1, size, 2_039, 'cut');
    const results = tryAll(cacheKeys, cuts);
    expect(results.size).toBe(cuts.length);
    expectSafe(results);
    expect(count(results, refused)).toBeGreaterThan(5);
  });

  it('is refused with its name, or read right, when a bit of what it keeps is flipped', () => {
    // Beyond these pages there is room for the next ones.
    const bits = steps(2 * 4_096 * 8, 30 * 4_096 * 8, 997, 'bit');
    const results = tryAll(cacheKeys, bits);
    expect(results.size).toBe(bits.length);
    expectSafe(results);
    expect(count(results, refused)).toBeGreaterThan(20);
  });
});
