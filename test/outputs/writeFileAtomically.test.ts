import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { writeFileAtomically } from '../../src/outputs/files/writeFileAtomically.js';
import { type FileSystem, nodeFileSystem } from '../../src/storage/fileSystem.js';

const folder = mkdtempSync(join(tmpdir(), 'dstream-write-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A disk that writes at most so many bytes at once, and none beyond its room, as a full one does: without an error. */
function shortOf(atOnce: number, room: number): FileSystem {
  return {
    ...nodeFileSystem,
    open: async (path, flags) => {
      const file = await nodeFileSystem.open(path, flags);
      const write = file.write.bind(file);
      file.write = (bytes, offset, length, position) =>
        write(bytes, offset, Math.max(0, Math.min(length, atOnce, room - position)), position);
      return file;
    },
  };
}

async function* chunks() {
  for (const line of ['to', 'be', 'or']) yield Buffer.from(`${line}\n`);
}

it('goes on where a write was short', async () => {
  await writeFileAtomically(join(folder, 'whole'), chunks(), shortOf(2, 100));
  expect(readFileSync(join(folder, 'whole'), 'utf8')).toBe('to\nbe\nor\n');
});

it('leaves no file when there is no room for the end of it', async () => {
  await expect(writeFileAtomically(join(folder, 'cut'), chunks(), shortOf(100, 7))).rejects.toThrow();
  expect(readdirSync(folder)).toEqual(['whole']);
});
