import { readdir, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { makeDirectory } from '../../storage/makeDirectory.js';
import type { FileSink } from './fileSink.js';
import { temporarySuffix, writeFileAtomically } from './writeFileAtomically.js';

/** A temporary file that was not written for this long belongs to a process that died. */
const abandonedMs = 3_600_000;

/** Files of the local file system, whole and durable. Temporary files that a process which died has left are removed. */
export function localFiles(): FileSink {
  // A batch has one directory, which the first partition creates and syncs for all.
  let last: { readonly folder: string; readonly made: Promise<void> } | undefined;
  const cleaned = new Set<string>();
  const directory = (folder: string): Promise<void> => {
    if (last?.folder !== folder) last = { folder, made: prepare(folder) };
    return last.made;
  };
  const prepare = async (folder: string): Promise<void> => {
    await makeDirectory(folder);
    // Once for the directories of all batches: `words-1700000000000` beside `words-1700000001000`.
    const family = folder.replace(/-\d+$/, '');
    if (cleaned.has(family)) return;
    cleaned.add(family);
    for (const sibling of family === folder ? [folder] : await siblingsOf(family)) await removeAbandoned(sibling);
  };
  return {
    async write(name, content) {
      const path = resolve(name);
      try {
        await directory(dirname(path));
        await writeFileAtomically(path, content);
      } catch (error) {
        // A retry makes the directory again.
        last = undefined;
        throw error;
      }
    },
  };
}

async function siblingsOf(family: string): Promise<readonly string[]> {
  const parent = dirname(family);
  const name = basename(family);
  const names = await readdir(parent);
  return names
    .filter((other) => other.replace(/-\d+$/, '') === name && other !== name)
    .map((other) => join(parent, other));
}

/** What cannot be looked at or removed stays: it is in nobody's way. */
async function removeAbandoned(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.endsWith(temporarySuffix)) continue;
    const path = join(folder, name);
    const modified = await stat(path).then(
      ({ mtimeMs }) => mtimeMs,
      () => Infinity,
    );
    // By the clock of the system, which has set the time of the file.
    if (Date.now() - modified > abandonedMs) await rm(path, { force: true }).catch(() => {});
  }
}
