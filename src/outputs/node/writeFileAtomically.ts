import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncDirectory } from '../../state/node/syncDirectory.js';

/**
 * Writes a file so that it is there whole or not at all, whatever happens: under a temporary name, synced, renamed, and
 * the directory synced, because the rename is only durable then. A file of that name is replaced.
 */
export async function writeFileAtomically(path: string, lines: Iterable<string>): Promise<void> {
  const temporary = `${path}.tmp`;
  try {
    const file = await open(temporary, 'w');
    try {
      for (const part of chunksOf(lines)) await file.write(part);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    await syncDirectory(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
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
