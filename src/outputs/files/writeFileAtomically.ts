import { dirname } from 'node:path';
import { type FileSystem, nodeFileSystem, syncDirectory, writeFully } from '../../storage/fileSystem.js';

/** What the name of a file ends with until it is whole. */
export const temporarySuffix = '.tmp';

/**
 * Writes a file so that it exists whole or not at all, whatever happens: under a temporary name, synced, renamed, and the
 * directory synced, because only then is the rename durable. Replaces a file of that name.
 */
export async function writeFileAtomically(
  path: string,
  content: AsyncIterable<Uint8Array>,
  fs: FileSystem = nodeFileSystem,
): Promise<void> {
  const temporary = `${path}${temporarySuffix}`;
  try {
    const file = await fs.open(temporary, 'w');
    try {
      let size = 0;
      for await (const bytes of content) {
        // A disk that is nearly full writes a part and reports no error.
        await writeFully(file, bytes, size);
        size += bytes.length;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await fs.rename(temporary, path);
    await syncDirectory(dirname(path), fs);
  } catch (error) {
    await fs.remove(temporary);
    throw error;
  }
}
