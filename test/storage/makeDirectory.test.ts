import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type FileSystem, nodeFileSystem } from '../../src/storage/fileSystem.js';
import { makeDirectory } from '../../src/storage/makeDirectory.js';

const root = mkdtempSync(join(tmpdir(), 'dstream-directories-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** The file system of Node, noting which directories are synced. */
function noting(): { readonly fs: FileSystem; readonly synced: string[] } {
  const synced: string[] = [];
  const open: FileSystem['open'] = async (path, flags) => {
    const file = await nodeFileSystem.open(path, flags);
    const sync = file.sync.bind(file);
    file.sync = async () => {
      await sync();
      synced.push(path);
    };
    return file;
  };
  return { fs: { ...nodeFileSystem, open }, synced };
}

describe('makeDirectory', () => {
  it('syncs the directory above each one that it made', async () => {
    const { fs, synced } = noting();
    await makeDirectory(join(root, 'a', 'b', 'c'), fs);
    expect(statSync(join(root, 'a', 'b', 'c')).isDirectory()).toBe(true);
    expect(synced.toSorted()).toEqual([root, join(root, 'a'), join(root, 'a', 'b')]);
  });

  it('syncs the name of one that was there: whoever made it may have died before', async () => {
    await makeDirectory(join(root, 'there'));
    const { fs, synced } = noting();
    await makeDirectory(join(root, 'there'), fs);
    expect(synced).toEqual([root]);
  });
});
