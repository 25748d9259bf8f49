import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasEnded, isNear, type LockOwner, newOwner } from '../../storage/lockOwner.js';
import { makeDirectory } from '../../storage/makeDirectory.js';
import { privateFileMode, privateFileSystem } from '../../storage/privateFileSystem.js';

// Who uses the copies in a directory, so that nobody deletes them meanwhile. Each user has a file `open-TOKEN` there, and a process that deletes has a
// file `sweep-TOKEN`. Each writes its own file first and searches for the other kind afterwards, so that at least one of two sees the other. A user waits
// then, and the one that would delete gives up.

const open = /^open-[\da-f-]{36}$/;
const sweep = /^sweep-[\da-f-]{36}$/;
/** For how long a deletion is waited for, in ms: it takes milliseconds, unless its machine is gone. */
const patienceMs = 5_000;
const pauseMs = 20;
/** For how long the file of a process of another machine or container counts, of which nobody can say whether it runs, in ms. */
const foreignMs = 86_400_000;

/** What this thread uses or deletes, by the token. */
const own = new Set<string>();

/** Whether a name is that of such a file. */
export function isUseFile(name: string): boolean {
  return open.test(name) || sweep.test(name);
}

/** Announces that the copies in a directory are used. Resolves when nobody deletes them, with what ends the use. */
export async function use(location: string, patience = patienceMs): Promise<() => Promise<void>> {
  const end = await announce(location, 'open');
  const deadline = performance.now() + patience;
  while (await living(location, sweep)) {
    if (performance.now() >= deadline) {
      await removeAll(location, sweep);
      break;
    }
    await sleep(pauseMs);
  }
  // Those of processes that were killed.
  await living(location, open);
  return end;
}

/** Calls `work` if nobody uses the copies in a directory; who is about to waits until it has ended. Returns whether it was called. */
export async function ifUnused(location: string, work: () => Promise<void>): Promise<boolean> {
  if (await living(location, open)) return false;
  await living(location, sweep);
  const end = await announce(location, 'sweep');
  try {
    if (await living(location, open)) return false;
    await work();
    return true;
  } finally {
    await end();
  }
}

async function announce(location: string, kind: 'open' | 'sweep'): Promise<() => Promise<void>> {
  const owner = newOwner(0);
  const path = join(location, `${kind}-${owner.token}`);
  own.add(owner.token);
  for (let attempts = 0; ; attempts++) {
    await makeDirectory(location, privateFileSystem);
    try {
      await writeFile(path, JSON.stringify(owner), { flag: 'wx', mode: privateFileMode });
      break;
    } catch (error) {
      // It was empty, and somebody has removed it.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT' && attempts < 10) continue;
      own.delete(owner.token);
      throw error;
    }
  }
  return async () => {
    await rm(path, { force: true }).catch(() => {});
    own.delete(owner.token);
  };
}

async function removeAll(location: string, kind: RegExp): Promise<void> {
  for (const name of (await readdir(location).catch(() => [])).filter((one) => kind.test(one))) {
    await rm(join(location, name), { force: true }).catch(() => {});
  }
}

/** Whether there is such a file of a process that may be running. Those of others, which were killed, are removed. */
async function living(location: string, kind: RegExp): Promise<boolean> {
  let found = false;
  for (const name of (await readdir(location).catch(() => [])).filter((one) => kind.test(one))) {
    const path = join(location, name);
    if (await isLiving(path, name.slice(name.indexOf('-') + 1))) found = true;
    else await rm(path, { force: true }).catch(() => {});
  }
  return found;
}

async function isLiving(path: string, token: string): Promise<boolean> {
  if (own.has(token)) return true;
  try {
    const owner: LockOwner = JSON.parse(await readFile(path, 'utf8'));
    if (hasEnded(owner)) return false;
    if (isNear(owner)) return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    // It is being written, or was when its machine went down.
  }
  return stat(path).then(
    ({ mtimeMs }) => Date.now() - mtimeMs < foreignMs,
    () => false,
  );
}
