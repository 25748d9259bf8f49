import type { KeyObject } from 'node:crypto';
import { Directory, type Integrity } from './directory.js';
import { DirectoryLock } from './directoryLock.js';
import type { FileSystem } from './fileSystem.js';
import { makeDirectory } from './makeDirectory.js';
import { privateFileSystem } from './privateFileSystem.js';
import { type Acquisition, defaultLeaseTimeMs } from './takeover.js';

/** Fails at once where the owner is known to run, and waits otherwise until that is known. */
const refusing: Acquisition = { takeover: 'refuse', leaseTime: defaultLeaseTimeMs };

/** A directory that this process has opened and owns, until it releases it or another process takes it over. */
export class LockedDirectory extends Directory {
  readonly #lock: DirectoryLock;

  private constructor(location: string, fs: FileSystem, lock: DirectoryLock, integrity: Integrity | undefined) {
    super(location, fs, integrity);
    this.#lock = lock;
  }

  /**
   * Makes the directory if it is missing, locks it, and opens what is kept in it, which releases the directory when it is
   * closed.
   *
   * @param what what is opened, for messages and authentication codes
   * @param key authenticates the records in the files
   * @throws {CheckpointError} when the directory is in use, unless the acquisition is to wait or to force
   * @throws {StorageError} when it cannot be read or written
   */
  static async open<S>(
    location: string,
    what: string,
    open: (directory: LockedDirectory) => Promise<S>,
    fs: FileSystem = privateFileSystem,
    acquisition: Acquisition = refusing,
    key?: KeyObject,
  ): Promise<S> {
    try {
      await makeDirectory(location, fs);
      const lock = await DirectoryLock.take(fs, location, acquisition);
      try {
        const opened = await open(new LockedDirectory(location, fs, lock, key && { key, what }));
        lock.opened();
        return opened;
      } catch (error) {
        await lock.release();
        throw error;
      }
    } catch (cause) {
      throw new Directory(location, fs).failure(`open the ${what}`, cause);
    }
  }

  /** @throws {FencedError} when another process has taken the directory over */
  checkOwner(): Promise<void> {
    return this.#lock.check();
  }

  /** Announces that `release` will have been called when `closed` settles: another stream of this process waits for it. */
  closing(closed: Promise<unknown>): void {
    this.#lock.closing(closed);
  }

  /** Never fails. */
  release(): Promise<void> {
    return this.#lock.release();
  }
}
