import { DStreamError, StorageError } from '../../batch/errors.js';
import type { CheckpointSession } from '../checkpoint.js';
import { type FileSystem, nodeFileSystem } from './fileSystem.js';
import { makeDirectory } from './makeDirectory.js';

/** Opens the checkpoint in a directory, which is made if it is missing. What is no error of ours is a `StorageError`. */
export async function openDirectory(
  location: string,
  open: () => Promise<CheckpointSession>,
  fs: FileSystem = nodeFileSystem,
): Promise<CheckpointSession> {
  try {
    await makeDirectory(location, fs);
    return await open();
  } catch (cause) {
    if (cause instanceof DStreamError) throw cause;
    throw new StorageError(location, 'open the checkpoint', { cause });
  }
}
