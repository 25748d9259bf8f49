import { Directory } from './directory.js';
import { makeDirectory } from './makeDirectory.js';
import { privateFileSystem } from './privateFileSystem.js';

/**
 * Opens what is kept in a directory, which is made if it is missing, without locking it.
 *
 * @param what what is opened, for messages
 * @throws {StorageError} when the directory cannot be read or written
 */
export async function openDirectory<S>(location: string, what: string, open: () => Promise<S>): Promise<S> {
  try {
    await makeDirectory(location, privateFileSystem);
    return await open();
  } catch (cause) {
    throw new Directory(location).failure(`open the ${what}`, cause);
  }
}
