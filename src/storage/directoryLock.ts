import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FencedError } from '../batch/errors.js';
import { failpoint } from './failpoint.js';
import { type FileSystem, type OpenFile, writeFully } from './fileSystem.js';
import { Heartbeat } from './heartbeat.js';
import { inUse, LeaseWatch, sibling } from './leaseWatch.js';
import { beatOf, type LockOwner, newOwner } from './lockOwner.js';
import type { Acquisition } from './takeover.js';

/** A directory that this thread has locked, or is locking. */
class Holding {
  /** While it is being closed, or was given up before it was open: settles when the directory is free again. */
  closed: Promise<unknown> | undefined;
  free = (): void => {};
  readonly #freed = new Promise<void>((resolve) => {
    this.free = resolve;
  });
  readonly #signal: AbortSignal | undefined;
  readonly #givenUp = (): void => {
    this.closed = this.#freed;
  };

  constructor(signal: AbortSignal | undefined) {
    this.#signal = signal;
    signal?.addEventListener('abort', this.#givenUp);
  }

  /** It cannot be given up any more, only closed. */
  opened(): void {
    this.#signal?.removeEventListener('abort', this.#givenUp);
  }
}

/** Far longer than a write of a few hundred bytes takes. */
const rereadMs = 2;

const held = new Map<string, Holding>();

/** The lock file while it is owned: what is written to it goes to this file, even if another has the name by now. */
interface LockFile {
  readonly owner: LockOwner;
  readonly file: OpenFile;
}

/**
 * The lock of a directory: a file that names its owner and counts its signs of life. The lock of a process that has ended is taken
 * over, and so is one whose owner shows no sign of life for the time of its lease: it is suspended, or on a machine that is gone (a
 * container has a new name at every start). If that process is alive after all it is fenced: its `check` fails from then on.
 */
export class DirectoryLock {
  readonly #fs: FileSystem;
  readonly #directory: string;
  readonly #holding: Holding;
  readonly #lock: LockFile;
  readonly #heartbeat: Heartbeat;

  private constructor(fs: FileSystem, directory: string, holding: Holding, lock: LockFile, leaseTime: number) {
    this.#fs = fs;
    this.#directory = directory;
    this.#holding = holding;
    this.#lock = lock;
    this.#heartbeat = new Heartbeat(leaseTime, (count) => write(lock.file, { ...lock.owner, beat: beatOf(count) }));
  }

  /**
   * Takes the lock, waiting for a stream of this process that is closing: after an error `retry()` subscribes again at once.
   *
   * @throws {CheckpointError} when another stream of this process owns it, or another process and it is to be refused then
   */
  static async take(fs: FileSystem, directory: string, acquisition: Acquisition): Promise<DirectoryLock> {
    for (let other = held.get(directory); other; other = held.get(directory)) {
      if (other.closed) await other.closed.catch(() => {});
      else if (acquisition.takeover === 'force') break;
      else throw inUse(directory, sibling);
    }
    acquisition.signal?.throwIfAborted();
    const holding = new Holding(acquisition.signal);
    held.set(directory, holding);
    try {
      const lock = await takeFile(fs, directory, acquisition);
      failpoint('lock:taken');
      return new DirectoryLock(fs, directory, holding, lock, acquisition.leaseTime);
    } catch (error) {
      forget(directory, holding);
      throw error;
    }
  }

  /** @throws {FencedError} when another process has taken the directory over */
  async check(): Promise<void> {
    const owner = await readOwner(this.#fs, join(this.#directory, 'lock'));
    if (tokenOf(owner) !== this.#lock.owner.token) throw new FencedError(this.#directory);
  }

  /** What is in the directory is open. Until then an abort of the signal means that it will be released. */
  opened(): void {
    this.#holding.opened();
  }

  /** Announces that `release` will have been called when `closed` settles. */
  closing(closed: Promise<unknown>): void {
    this.#holding.closed = closed;
  }

  /** Never fails: a lock file that remains is taken over at the next opening. */
  async release(): Promise<void> {
    const path = join(this.#directory, 'lock');
    await this.#heartbeat.stop();
    try {
      await this.#lock.file.close();
      const owner = await readOwner(this.#fs, path);
      if (tokenOf(owner) === this.#lock.owner.token) await this.#fs.remove(path);
    } catch {
      // See above.
    }
    forget(this.#directory, this.#holding);
  }
}

function forget(directory: string, holding: Holding): void {
  if (held.get(directory) === holding) held.delete(directory);
  holding.opened();
  holding.free();
}

async function takeFile(fs: FileSystem, directory: string, acquisition: Acquisition): Promise<LockFile> {
  const owner = newOwner(acquisition.leaseTime);
  const path = join(directory, 'lock');
  const own = join(directory, `lock-${owner.token}.tmp`);
  let file: OpenFile | undefined;
  try {
    file = await fs.open(own, 'wx');
    await write(file, owner);
    const watch = new LeaseWatch(directory, acquisition);
    const claimWatch = new LeaseWatch(directory, acquisition);
    while (!(await linked(fs, own, path))) {
      const other = await readOwner(fs, path);
      // Nobody's by now: the first to link has it. To replace it could replace the lock of a newcomer that was faster.
      if (other === 'missing') continue;
      const over = other === 'unreadable' || watch.isOver(other);
      if (over && (await replaced(fs, directory, own, other, claimWatch, acquisition))) break;
      await watch.pause();
    }
    return { owner, file };
  } catch (error) {
    await file?.close().catch(() => {});
    throw error;
  } finally {
    await fs.remove(own).catch(() => {});
  }
}

/**
 * Puts the own lock in the place of one that is over. Of several newcomers one does so, the one whose claim on it comes first: the
 * others go on waiting, and none is fenced.
 */
async function replaced(
  fs: FileSystem,
  directory: string,
  own: string,
  other: Found,
  claimWatch: LeaseWatch,
  { takeover }: Acquisition,
): Promise<boolean> {
  const path = join(directory, 'lock');
  if (takeover === 'force') {
    await fs.rename(own, path);
    return true;
  }
  const claim = join(directory, `lock-${tokenOf(other)}.claim`);
  if (!(await linked(fs, own, claim))) {
    // The one that claimed it may have ended before it was done.
    const claimant = await readOwner(fs, claim);
    if (claimant === 'unreadable' || (claimant !== 'missing' && claimWatch.isOver(claimant))) await fs.remove(claim);
    return false;
  }
  try {
    const now = await readOwner(fs, path);
    if (tokenOf(now) !== tokenOf(other)) return false;
    await fs.rename(own, path);
    return true;
  } finally {
    await fs.remove(claim).catch(() => {});
  }
}

/** Adds a second name to a file; returns whether that was free. */
async function linked(fs: FileSystem, existing: string, path: string): Promise<boolean> {
  try {
    await fs.link(existing, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** In place: each time it has the same length. */
async function write(file: OpenFile, owner: LockOwner): Promise<void> {
  await writeFully(file, Buffer.from(JSON.stringify(owner)), 0);
}

/** What a lock file says. One that stays unreadable was left by a machine that went down while it wrote. */
type Found = LockOwner | 'missing' | 'unreadable';

function tokenOf(found: Found): string {
  return typeof found === 'string' ? found : found.token;
}

/** Looks again at a file that is unreadable: a sign of life that is being written is so too, but not for long. */
async function readOwner(fs: FileSystem, path: string): Promise<Found> {
  const found = await readOnce(fs, path);
  if (found !== 'unreadable') return found;
  await sleep(rereadMs);
  return readOnce(fs, path);
}

async function readOnce(fs: FileSystem, path: string): Promise<Found> {
  try {
    return JSON.parse(await fs.readFile(path));
  } catch (error) {
    if (error instanceof SyntaxError) return 'unreadable';
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'missing';
    throw error;
  }
}
