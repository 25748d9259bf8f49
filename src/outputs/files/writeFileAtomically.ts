import { dirname } from 'node:path';
import { type FileSystem, nodeFileSystem, syncDirectory, writeFully } from '../../storage/fileSystem.js';

/**
 * Writes a file so that it exists whole or not at all, whatever happens: under a temporary name, synced, renamed, and the
 * directory synced, because only then is the rename durable. Replaces a file of that name.
 */
export async function writeFileAtomically(
  path: string,
  lines: Iterable<string>,
  fs: FileSystem = nodeFileSystem,
): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    const file = await fs.open(temporary, 'w');
    try {
      let size = 0;
      for (const part of chunksOf(lines)) {
        const bytes = Buffer.from(part);
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

/** Characters per write: enough for few writes, without the whole file in memory. */
const chunkCharacters = 65_536;

/** Joins lines to chunks. */
function* chunksOf(lines: Iterable<string>): Iterable<string> {
  let part = '';
  for (const line of lines) {
    part += `${line}\n`;
    if (part.length < chunkCharacters) continue;
    yield part;
    part = '';
  }
  if (part !== '') yield part;
}
