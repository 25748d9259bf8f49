import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, it, vi } from 'vitest';
import type { CopyMark } from '../../../src/state/kafka/localCopy.js';
import { lmdbCopies } from '../../../src/state/lmdb/lmdbCopies.js';

// Which copies a process claims when it starts: those that a takeover could use, as far as can be known without a broker and without LMDB.

const root = mkdtempSync(join(tmpdir(), 'dstream-claims-'));
let directories = 0;
const newCopies = () => lmdbCopies(join(root, String(directories++)));
afterEach(() => void vi.useRealTimers());
afterAll(() => rmSync(root, { recursive: true, force: true }));

const records = [{ key: Buffer.from('a'), value: Buffer.from('b') }];
const markAt = (at: number, tombstonesMs: number | undefined = 86_400_000): CopyMark => {
  return { log: 'log', offset: 10, at, tombstonesMs };
};

it('is none that is not there, or not whole', async () => {
  const copies = newCopies();
  expect(await copies.exists()).toBe(false);
  const copy = await copies.open();
  await copy.own();
  await copy.write(records, undefined);
  expect(await copies.exists()).toBe(false);
  await copy.write(records, markAt(Date.now()));
  expect(await copies.exists()).toBe(true);
  await copy.close();
  expect(await copies.exists()).toBe(true);
  await (await copies.renew()).close();
  expect(await copies.exists()).toBe(false);
});

it('is one until half of delete.retention.ms has passed since its last mark', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const copies = newCopies();
  const copy = await copies.open();
  await copy.own();
  const begun = Date.now();
  for (let at = begun; at <= begun + 100_000; at += 1_000) await copy.write(records, markAt(at));
  await copy.close();
  // As long as nothing says more than the file of the copy, opening it makes it look new.
  const again = await copies.open();
  await again.own();
  await again.close();
  vi.setSystemTime(begun + 100_000 + 43_200_000);
  expect(await copies.exists()).toBe(true);
  vi.setSystemTime(begun + 100_000 + 43_200_001);
  expect(await copies.exists()).toBe(false);
  vi.setSystemTime(begun - 1);
  expect(await copies.exists()).toBe(false);
});

it('is none of a log whose delete.retention.ms is not known', async () => {
  const copies = newCopies();
  const copy = await copies.open();
  await copy.own();
  await copy.write(records, { log: 'log', offset: 10, at: Date.now() });
  await copy.close();
  expect(await copies.exists()).toBe(false);
});
