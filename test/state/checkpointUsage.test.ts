import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Checkpoint, foreachBatch, fromBatches, mapRecords, memoryCheckpoint, updateStateByKey } from 'dstream';
import { fileCheckpoint, lmdbCheckpoint } from 'dstream/node';
import { lastValueFrom } from 'rxjs';
import { afterAll, describe, expect, it } from 'vitest';

const directory = mkdtempSync(join(tmpdir(), 'dstream-usage-'));
afterAll(() => rmSync(directory, { recursive: true }));

/** What the snapshot shows of checkpoint and state in the last batch; a run over more batches continues an earlier one. */
async function usageOf(checkpoint: Checkpoint, batches = 3) {
  const letters = ['a', 'b', 'c', 'd', 'e', 'f'].slice(0, batches).map((letter) => [letter]);
  const stream = fromBatches(letters, { interval: 5, checkpoint });
  let seen = stream.snapshot();
  const counted = stream.pipe(
    mapRecords((letter) => [letter, 1]),
    updateStateByKey((values: readonly number[], sum: number = 0) => sum + values.length, { id: 'counts' }),
    foreachBatch(() => {
      seen = stream.snapshot();
    }),
  );
  await lastValueFrom(counted, { defaultValue: undefined });
  return { checkpoint: seen?.checkpoint, state: seen?.state };
}

describe('a snapshot of a stream with a checkpoint', () => {
  it('shows bytes and generation of files, and each opening is a new generation', async () => {
    const location = join(directory, 'files');
    const { checkpoint } = await usageOf(fileCheckpoint(location));
    const { bytes = 0, generation = 0 } = checkpoint ?? {};
    expect(bytes).toBeGreaterThan(100);
    expect(bytes).toBeLessThanOrEqual(statSync(join(location, `changelog-${generation}`)).size);
    const again = await usageOf(fileCheckpoint(location), 6);
    expect(again.checkpoint?.generation).toBeGreaterThan(generation);
  });

  it('shows bytes of LMDB, and of a state that it holds', async () => {
    const location = join(directory, 'lmdb');
    const { checkpoint, state } = await usageOf(lmdbCheckpoint(location, { cacheKeys: 2 }));
    expect(checkpoint).toMatchObject({ bytes: expect.any(Number), generation: 1 });
    expect(state).toEqual([{ id: 'counts', operator: 'updateStateByKey', entries: 3, bytes: expect.any(Number) }]);
    expect(state?.[0]?.bytes).toBeGreaterThan(0);
    const inMemory = await usageOf(lmdbCheckpoint(location), 6);
    expect(inMemory.checkpoint?.generation).toBe(2);
    expect(inMemory.state?.[0]).not.toHaveProperty('bytes');
  });

  it('shows neither in memory', async () => {
    const { checkpoint } = await usageOf(memoryCheckpoint());
    expect(checkpoint).not.toHaveProperty('bytes');
    expect(checkpoint).not.toHaveProperty('generation');
  });
});
