import { DirectoryLock } from './directoryLock.js';
import { type FileSystem, nodeFileSystem } from './fileSystem.js';
import { makeDirectory } from './makeDirectory.js';
import { toStorageError } from './toStorageError.js';

/** Opens what is kept in a directory, which is made if it is missing. What is no error of ours is a `StorageError`. */
export async function openDirectory<S>(
  location: string,
  what: string,
  open: () => Promise<S>,
  fs: FileSystem = nodeFileSystem,
): Promise<S> {
  try {
    await makeDirectory(location, fs);
    return await open();
  } catch (cause) {
    throw toStorageError(location, `open the ${what}`, cause);
  }
}

/** The same for one owner at a time: what is opened has the lock, and releases it when it is closed. */
export function openLocked<S>(
  location: string,
  what: string,
  open: (lock: DirectoryLock) => Promise<S>,
  fs: FileSystem,
): Promise<S> {
  const withLock = async () => {
    const lock = await DirectoryLock.take(fs, location);
    try {
      return await open(lock);
    } catch (error) {
      await lock.release();
      throw error;
    }
  };
  return openDirectory(location, what, withLock, fs);
}
