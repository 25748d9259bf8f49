import { dirname } from 'node:path';
import { type FileSystem, nodeFileSystem, syncDirectory } from './fileSystem.js';

/**
 * Makes a directory, with the missing ones above it, and makes their names durable: otherwise all that is in it may be gone
 * after a power cut, however well that was synced. One that exists may come from a process that died before the sync.
 *
 * @param path an absolute path
 */
export async function makeDirectory(path: string, fs: FileSystem = nodeFileSystem): Promise<void> {
  const first = (await fs.makeDirectory(path)) ?? path;
  for (let made = path; made.length >= first.length && made !== dirname(made); made = dirname(made)) {
    await syncDirectory(dirname(made), fs).catch((error: NodeJS.ErrnoException) => {
      // One above may be searchable but not readable: then it cannot be synced either.
      if (error.code !== 'EACCES') throw error;
    });
  }
}
