import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { CheckpointError, FencedError } from '../batch/errors.js';
import { failpoint } from './failpoint.js';
import type { FileSystem } from './fileSystem.js';

/** Who owns a directory. The token is new at every opening, so an owner can tell whether it still is the owner. */
interface Owner {
  readonly token: string;
  readonly host: string;
  readonly pid: number;
  /** When the process started, where the system reports it: process ids are reused. */
  readonly started: string | null;
}

const sibling =
  'another stream of this process, or another subscription of the same stream: share() it, to subscribe to it more than once';

/**
 * Directories that this process has locked. One that is being closed has a promise that settles when it is free again. The own
 * process id in the lock of a directory that is not listed here comes from an earlier process with the same id.
 */
const held = new Map<string, Promise<unknown> | undefined>();

/**
 * The lock of a directory: a file that names its owner. The lock of a process that no longer runs is taken over, and so is
 * that of another machine, whose processes cannot be checked (a container has a new name at every start). If that process
 * is alive after all it is fenced: its `check` fails from then on.
 */
export class DirectoryLock {
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #owner: Owner;

  private constructor(fs: FileSystem, directory: string, owner: Owner) {
    this.#fs = fs;
    this.#directory = directory;
    this.#owner = owner;
  }

  /**
   * Takes the lock, waiting for a stream of this process that is closing: after an error `retry()` subscribes again at once.
   *
   * @throws {CheckpointError} when another process of this machine, or another stream of this process, owns it
   */
  static async take(fs: FileSystem, directory: string): Promise<DirectoryLock> {
    while (held.has(directory)) {
      const closed = held.get(directory);
      if (!closed) throw inUse(directory, sibling);
      await closed.catch(() => {});
    }
    held.set(directory, undefined);
    try {
      const owner = await takeFile(fs, directory);
      failpoint('lock:taken');
      return new DirectoryLock(fs, directory, owner);
    } catch (error) {
      held.delete(directory);
      throw error;
    }
  }

  /** @throws {FencedError} when another process has taken the directory over */
  async check(): Promise<void> {
    const owner = await readOwner(this.#fs, join(this.#directory, 'lock'));
    if (owner?.token !== this.#owner.token) throw new FencedError(this.#directory);
  }

  /** Announces that `release` will have been called when `closed` settles. */
  closing(closed: Promise<unknown>): void {
    held.set(this.#directory, closed);
  }

  /** Never fails: a lock file that remains is taken over at the next opening. */
  async release(): Promise<void> {
    const path = join(this.#directory, 'lock');
    try {
      const owner = await readOwner(this.#fs, path);
      if (owner?.token === this.#owner.token) await this.#fs.remove(path);
    } catch {
      // See above.
    }
    held.delete(this.#directory);
  }
}

async function takeFile(fs: FileSystem, directory: string): Promise<Owner> {
  const { pid } = process;
  const owner = { token: randomUUID(), host: hostname(), pid, started: startOf(pid) };
  const path = join(directory, 'lock');
  const own = join(directory, `lock-${owner.token}.tmp`);
  try {
    await writeOwner(fs, own, owner);
    try {
      await fs.link(own, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const other = await readOwner(fs, path);
      if (other && isRunning(other)) throw inUse(directory, `process ${other.pid}`);
      await fs.rename(own, path);
    }
  } finally {
    await fs.remove(own).catch(() => {});
  }
  return owner;
}

async function writeOwner(fs: FileSystem, path: string, owner: Owner): Promise<void> {
  const file = await fs.open(path, 'wx');
  try {
    const bytes = Buffer.from(JSON.stringify(owner));
    await file.write(bytes, 0, bytes.length, 0);
  } finally {
    await file.close();
  }
}

/** Returns `undefined` when the file is missing or unreadable. */
async function readOwner(fs: FileSystem, path: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await fs.readFile(path));
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function inUse(directory: string, owner: string): CheckpointError {
  return new CheckpointError(directory, 'open', { cause: new Error(`it is in use by ${owner}`) });
}

function isRunning({ host, pid, started }: Owner): boolean {
  if (host !== hostname() || pid === process.pid || !(Number.isInteger(pid) && pid > 0)) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return false;
  }
  const running = startOf(pid);
  return started === null || running === null || running === started;
}

/** Linux reports in which tick after boot a process started. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}
