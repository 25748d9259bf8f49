import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { appendZeros } from '../../../src/state/lmdb/dataFile.js';

const directory = mkdtempSync(join(tmpdir(), 'dstream-zeros-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

it('makes a file longer, and none where it was removed', async () => {
  const path = join(directory, 'data.mdb');
  await expect(appendZeros(path, 10)).rejects.toMatchObject({ code: 'ENOENT' });
  expect(readdirSync(directory)).toEqual([]);
  writeFileSync(path, 'abc');
  await appendZeros(path, 10);
  expect(statSync(path).size).toBe(13);
});
