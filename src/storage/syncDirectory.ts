import { type FileSystem, nodeFileSystem } from './fileSystem.js';

/** Makes the names in a directory durable: a file that was made or renamed may be gone after a power cut without it. */
export async function syncDirectory(path: string, fs: FileSystem = nodeFileSystem): Promise<void> {
  const directory = await fs.open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
