import { dirname } from 'node:path';
import { type FileSystem, nodeFileSystem, syncDirectory, writeFully } from '../../storage/fileSystem.js';

/**
 * Writes a file so that it is there whole or not at all, whatever happens: under a temporary name, synced, renamed, and
 * the directory synced, because the rename is only durable then. A file of that name is replaced.
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

/** Puts lines together to about 64 KiB, so that neither a write a line nor the whole file in memory is needed. */
function* chunksOf(lines: Iterable<string>): Iterable<string> {
  let part = '';
  for (const line of lines) {
    part += `${line}\n`;
    if (part.length < 65_536) continue;
    yield part;
    part = '';
  }
  if (part !== '') yield part;
}
