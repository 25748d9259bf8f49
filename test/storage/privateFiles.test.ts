import { mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Checkpoint,
  type DStreamError,
  foreachBatch,
  fromBatches,
  type Pair,
  receiverBatches,
  updateStateByKey,
} from 'dstream';
import { fileCheckpoint, fileWriteAheadLog, lmdbCheckpoint } from 'dstream/node';
import { lastValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { privateFileSystem } from '../../src/storage/privateFileSystem.js';

// State and records are nobody else's to read, and a link that somebody planted must not lead a write elsewhere.

const root = () => mkdtempSync(join(tmpdir(), 'dstream-private-'));

async function run(checkpoint: Checkpoint): Promise<void> {
  const batches = Array.from({ length: 4 }, (_, i): Pair<string, string>[] => [[`${i}`, 'x'.repeat(100)]]);
  await lastValueFrom(
    fromBatches(batches, { interval: 5, checkpoint }).pipe(
      updateStateByKey((values, state: readonly string[] = []) => [...state, ...values], { id: 's' }),
      foreachBatch(() => {}),
    ),
  );
}

/** Everything below a directory that others may read, write or enter. */
function open(directory: string): readonly string[] {
  const names = readdirSync(directory, { recursive: true }).map(String);
  return ['.', ...names].filter((name) => (statSync(join(directory, name)).mode & 0o077) !== 0);
}

describe('files of checkpoints and logs', () => {
  it.each([
    ['fileCheckpoint', (directory: string) => fileCheckpoint(directory, { snapshotBytes: 1 })],
    ['lmdbCheckpoint', (directory: string) => lmdbCheckpoint(directory)],
  ])('are for their owner only: %s', async (_, make) => {
    const directory = join(root(), 'a', 'b');
    await run(make(directory));
    expect(readdirSync(directory).length).toBeGreaterThan(0);
    expect(open(join(directory, '..'))).toEqual([]);
  });

  it('are for their owner only: fileWriteAheadLog', async () => {
    const directory = join(root(), 'wal');
    const checkpoint = fileCheckpoint(join(directory, 'checkpoint'));
    const stream = receiverBatches(['a', 'b'], {
      interval: 5,
      checkpoint,
      writeAheadLog: fileWriteAheadLog(directory),
    });
    await lastValueFrom(stream.pipe(foreachBatch(() => {})));
    expect(readdirSync(directory).length).toBeGreaterThan(1);
    expect(open(directory)).toEqual([]);
  });

  it.each(['lock', 'changelog-1', 'snapshot-1'])('are not looked for behind a link: %s', async (name) => {
    const directory = root();
    const victim = join(root(), 'victim');
    writeFileSync(victim, 'precious');
    symlinkSync(victim, join(directory, name));
    const failure = await run(fileCheckpoint(directory)).catch((error: unknown) => error as DStreamError);
    expect(failure).toMatchObject({ code: 'STORAGE' });
    expect(readFileSync(victim, 'utf8')).toBe('precious');
  });

  it.each(['w', 'wx', 'r'] as const)('are not opened behind a link, with %s', async (flags) => {
    const directory = root();
    const victim = join(directory, 'victim');
    writeFileSync(victim, 'precious');
    symlinkSync(victim, join(directory, 'link'));
    await expect(privateFileSystem.open(join(directory, 'link'), flags)).rejects.toThrow();
    expect(readFileSync(victim, 'utf8')).toBe('precious');
  });

  it('may be in a directory that is a link', async () => {
    const directory = root();
    mkdirSync(join(directory, 'real'));
    symlinkSync(join(directory, 'real'), join(directory, 'link'));
    await run(fileCheckpoint(join(directory, 'link')));
    expect(readdirSync(join(directory, 'real')).length).toBeGreaterThan(0);
  });
});
