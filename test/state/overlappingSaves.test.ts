import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Checkpoint, memoryCheckpoint } from 'dstream';
import { fileCheckpoint, lmdbCheckpoint } from 'dstream/node';
import { firstValueFrom, from } from 'rxjs';
import { afterAll, describe, expect, it } from 'vitest';
import { saveAtOnce, savedAtOnce, seenIn } from '../support/overlappingSaves.js';
import { settle } from '../support/savedBatches.js';

const base = mkdtempSync(join(tmpdir(), 'dstream-overlapping-saves-'));
afterAll(() => rmSync(base, { recursive: true, force: true }));

const stores: Readonly<Record<string, () => Checkpoint>> = {
  memoryCheckpoint,
  fileCheckpoint: () => fileCheckpoint(join(base, 'files')),
  'fileCheckpoint, with many snapshots': () => fileCheckpoint(join(base, 'snapshots'), { snapshotBytes: 1_000 }),
  lmdbCheckpoint: () => lmdbCheckpoint(join(base, 'lmdb')),
};

describe('saves that overlap, against the contract', () => {
  it.each(Object.entries(stores))('are in effect in their order in %s', async (_, newStore) => {
    const store = newStore();
    const open = () => firstValueFrom(from(store.open()));
    const session = await open();
    await saveAtOnce(session, 8);
    await settle(session.close());
    const again = await open();
    expect(seenIn(again)).toEqual(savedAtOnce(8));
    await settle(again.close());
  });
});
