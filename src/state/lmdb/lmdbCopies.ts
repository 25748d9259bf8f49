import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { makeDirectory } from '../../storage/makeDirectory.js';
import { privateFileSystem } from '../../storage/privateFileSystem.js';
import type { LocalCopies, LocalCopy } from '../kafka/localCopy.js';
import { cleanBeside } from './copyCleaner.js';
import { isUsable, NotedCopy, noteIn } from './copyNote.js';
import { use } from './copyUse.js';
import { LmdbCopy } from './lmdbCopy.js';
import { loadLmdb } from './loadLmdb.js';

/**
 * Copies in a directory, each in one of its own that is never used again: another process may still have the one that is replaced. While they are held,
 * what nobody has used for `cleanupDelay` ms is deleted beside them.
 */
export function lmdbCopies(location: string, cleanupDelay = Number.POSITIVE_INFINITY): LocalCopies {
  const names = async () => (await readdir(location)).filter((name) => name.startsWith('copy-'));
  const remove = (all: readonly string[]) =>
    Promise.all(all.map((name) => rm(join(location, name), { recursive: true, force: true }).catch(() => {})));
  const create = async () => {
    const directory = join(location, `copy-${randomUUID()}`);
    await makeDirectory(directory, privateFileSystem);
    return openNoted(directory, false);
  };
  return {
    location,
    hold: () => hold(location, cleanupDelay),
    ready: async () => {
      await loadLmdb();
    },
    exists: async () => {
      const notes = await Promise.all((await names().catch(() => [])).map((name) => noteIn(join(location, name))));
      return notes.some((note) => isUsable(note, Date.now()));
    },
    open: ({ toRead = false } = {}) =>
      inTurnAt(location, async () => {
        await announced(location);
        const found = await Promise.all(
          (await names()).map(async (name) => ({ name, at: await writtenAt(location, name) })),
        );
        const [newest] = found.sort((a, b) => b.at - a.at);
        return newest ? openNoted(join(location, newest.name), toRead) : create();
      }),
    renew: () =>
      inTurnAt(location, async () => {
        await announced(location);
        // Before there is another one: the disk may be full.
        await remove(await names());
        return create();
      }),
  };
}

async function openNoted(directory: string, toRead: boolean): Promise<LocalCopy> {
  return new NotedCopy(await LmdbCopy.open(directory, toRead), directory);
}

/** By location, how often this thread holds the copies there, and what ends that they are in use. */
const holds = new Map<string, { count: number; end?: () => Promise<void> }>();

function hold(location: string, cleanupDelay: number): () => Promise<void> {
  const held = holds.get(location) ?? { count: 0 };
  holds.set(location, held);
  held.count++;
  const endCleaning = cleanBeside(location, cleanupDelay);
  // What is not there nobody deletes.
  void inTurnAt(location, async () => existsSync(location) && announced(location)).catch(() => {});
  let isReleased = false;
  return async () => {
    if (isReleased) return;
    isReleased = true;
    endCleaning();
    if (--held.count > 0) return;
    await inTurnAt(location, async () => {
      // It may be held again.
      if (held.count > 0 || holds.get(location) !== held) return;
      holds.delete(location);
      await held.end?.();
    });
  };
}

async function announced(location: string): Promise<void> {
  await makeDirectory(location, privateFileSystem);
  const held = holds.get(location);
  if (held && held.count > 0 && !held.end) held.end = await use(location);
}

/** By location, the opening or renewal that was asked for last. */
const turns = new Map<string, Promise<unknown>>();

/** One after the other: LMDB's binding ends the process where a directory is removed while it is being opened. */
async function inTurnAt<T>(location: string, work: () => Promise<T>): Promise<T> {
  const done = (turns.get(location) ?? Promise.resolve()).then(work, work);
  turns.set(location, done);
  try {
    return await done;
  } finally {
    if (turns.get(location) === done) turns.delete(location);
  }
}

/** 0 for one that has just been removed, or has not been written. */
async function writtenAt(location: string, name: string): Promise<number> {
  return stat(join(location, name, 'data.mdb')).then(
    ({ mtimeMs }) => mtimeMs,
    () => 0,
  );
}
