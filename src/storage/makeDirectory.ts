import { dirname } from 'node:path';
import { type FileSystem, nodeFileSystem } from './fileSystem.js';
import { syncDirectory } from './syncDirectory.js';

/**
 * Makes a directory, with those above it that are missing, and makes their names durable: else all that is in it may be
 * gone after a power cut, however well that was synced. One that is there may be from a life that ended before the sync.
 *
 * @param path an absolute path
 */
export async function makeDirectory(path: string, fs: FileSystem = nodeFileSystem): Promise<void> {
  const first = (await fs.makeDirectory(path)) ?? path;
  for (let made = path; made.length >= first.length && made !== dirname(made); made = dirname(made)) {
    await syncDirectory(dirname(made), fs).catch((error: NodeJS.ErrnoException) => {
      // Above it there may be one in which names can be used but not listed: then it is not synced either.
      if (error.code !== 'EACCES') throw error;
    });
  }
}
