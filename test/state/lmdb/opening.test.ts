import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CheckpointSession } from 'dstream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openLmdb } from '../../../src/state/lmdb/lmdbCheckpoint.js';
import { type FileSystem, nodeFileSystem } from '../../../src/storage/fileSystem.js';
import { settle } from '../../support/savedBatches.js';

const base = mkdtempSync(join(tmpdir(), 'dstream-lmdb-open-'));
const small = join(base, 'small');
const large = join(base, 'large');
const sizeOf = (directory: string) => statSync(join(directory, 'data.mdb')).size;

/** Counts the bytes that are read of files before LMDB maps them. */
function counting(): { readonly fs: Pick<FileSystem, 'open'>; bytesRead(): number } {
  let total = 0;
  const open: FileSystem['open'] = async (path, flags) => {
    const file = await nodeFileSystem.open(path, flags);
    const read = file.read.bind(file);
    file.read = async (...args) => {
      const result = await read(...args);
      total += result.bytesRead;
      return result;
    };
    return file;
  };
  return { fs: { open }, bytesRead: () => total };
}

/** Bytes of a mapped file that this process has touched, with the pages around those that the kernel adds. */
function touchedBytes(path: string): number {
  const maps = readFileSync('/proc/self/smaps', 'utf8').split(/\n(?=[\da-f]+-[\da-f]+ )/);
  const ofFile = maps.filter((map) => map.split('\n', 1)[0]?.endsWith(path));
  return ofFile.reduce((sum, map) => sum + 1_024 * Number(/^Rss:\s+(\d+) kB$/m.exec(map)?.[1]), 0);
}

async function make(directory: string, keys: number): Promise<void> {
  const session: CheckpointSession = await openLmdb(directory, { cacheKeys: undefined, verify: undefined });
  const set = Array.from({ length: keys }, (_, i) => [`key-${i}`, 'state '.repeat(50)] as const);
  const change = session.encode({ id: 'a', operator: 'o', signature: '', version: 0, set, deleted: [] });
  await settle(session.save({ time: 10, zeroTime: 0, interval: 10, positions: {}, changes: [change] }));
  await settle(session.close());
}

async function readByOpening(directory: string, cacheKeys: number | undefined, verify?: 'pages') {
  const { fs, bytesRead } = counting();
  const session = await openLmdb(directory, { cacheKeys, verify }, fs);
  try {
    const touched = process.platform === 'linux' ? touchedBytes(join(directory, 'data.mdb')) : 0;
    return { read: bytesRead(), touched };
  } finally {
    await settle(session.close());
  }
}

beforeAll(async () => {
  await nodeFileSystem.makeDirectory(small);
  await nodeFileSystem.makeDirectory(large);
  await make(small, 10);
  await make(large, 30_000);
}, 600_000);
afterAll(() => rmSync(base, { recursive: true, force: true }));

describe.each([undefined, 10])('opening a file of LMDB, with a cache of %s keys', (cacheKeys) => {
  it('reads as many bytes of a large one as of a small one', async () => {
    expect(sizeOf(large)).toBeGreaterThan(20 * sizeOf(small));
    const { read } = await readByOpening(small, cacheKeys);
    expect(read).toBeGreaterThan(0);
    expect((await readByOpening(large, cacheKeys)).read).toBe(read);
    expect(read).toBeLessThan(4_096);
  });

  it.runIf(process.platform === 'linux')('lets LMDB touch no more than a few pages', async () => {
    const { touched } = await readByOpening(large, cacheKeys);
    expect(touched).toBeGreaterThan(0);
    expect(touched).toBeLessThan(sizeOf(large) / 10);
  });

  it("reads all that is in use with verify: 'pages'", async () => {
    expect((await readByOpening(large, cacheKeys, 'pages')).read).toBeGreaterThan(sizeOf(large) / 2);
  });
});
