import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CorruptCheckpointError } from '../../batch/errors.js';
import type { FileSystem, OpenFile } from '../../storage/fileSystem.js';
import { privateFileSystem } from '../../storage/privateFileSystem.js';
import { appendZeros } from './dataFile.js';
import { contradiction, layoutIsKnown, type Meta, magicAt, metasOf, newestFirst } from './metaPages.js';
import { ourTrees, type VisitEntry } from './pages/ourTrees.js';
import { walkPages } from './pages/walkPages.js';

// LMDB maps its files into memory and trusts them: on a full disk, or of a file that was cut, it may end the process by a
// signal where another would give an error. And its binding ends the process by another when LMDB refuses to open (a fault of
// 3.5.6: it looks at what it has just freed). So all that can be seen beforehand is looked for here.

/** What LMDB takes at once when it opens a directory is less. */
const probeBytes = 262_144;
/** Two streams may open one directory at once. */
let probes = 0;
const maxAttempts = 5;
/** How much the last pages may be that a transaction took, gave up again and therefore never wrote. */
const maxUnwrittenBytes = 1_048_576;

/** What is read of the data file beyond its two meta pages: by default nothing, so that a file of any size opens at once. */
export interface Check {
  /** All its pages. */
  readonly pages?: boolean;
  /** With `pages`, the checksums of the values in them, which matter where not all of them are read right after. */
  readonly values?: boolean;
  /** With `pages`, all but those of this database, which `readDatabase` reads before LMDB does. */
  readonly butOf?: string | undefined;
}

/**
 * Checks that LMDB can open a directory: there is room to do so, its files are writable, the meta pages agree, and the data
 * file is as long as they say. With `pages` all pages are checked too.
 *
 * @param fs through which the data file is read; a port, so that a test can count what is read
 * @returns the number of the last transaction; 0 where the directory is new
 * @throws {CorruptCheckpointError} when the meta pages contradict each other, the file is too short, or a checked page is
 * damaged
 */
export async function checkFiles(
  directory: string,
  check: Check = {},
  fs: Pick<FileSystem, 'open'> = privateFileSystem,
): Promise<bigint> {
  await probe(directory);
  await (await openIfThere(fs, join(directory, 'lock.mdb')))?.close();
  const path = join(directory, 'data.mdb');
  const file = await openIfThere(fs, path);
  if (!file) return 0n;
  try {
    return layoutIsKnown ? await checkData(path, file, check) : 0n;
  } finally {
    await file.close();
  }
}

/** LMDB maps `lock.mdb` into memory before there is room for it: on a full disk the first write to it is a SIGBUS. */
async function probe(directory: string): Promise<void> {
  const path = join(directory, `room-${process.pid}-${probes++}`);
  try {
    await rm(path, { force: true });
    const file = await open(path, 'wx');
    try {
      await file.writeFile(Buffer.alloc(probeBytes, 1));
      await file.datasync();
    } finally {
      await file.close();
    }
  } finally {
    await rm(path, { force: true });
  }
}

async function openIfThere(fs: Pick<FileSystem, 'open'>, path: string): Promise<OpenFile | undefined> {
  try {
    return await fs.open(path, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Reads a database from its pages, without LMDB, and checks all pages of the file. `visit` takes its entries in the order of the file. A
 * transaction of the caller that reads must be open, and whatever is written meanwhile goes to other pages then.
 *
 * @throws {CorruptCheckpointError} when a page is damaged: some entries may have been visited
 */
export async function readDatabase(directory: string, name: string, visit: VisitEntry): Promise<void> {
  const path = join(directory, 'data.mdb');
  const file = await privateFileSystem.open(path, 'r');
  try {
    const metas = await checkMetas(path, file);
    if (metas) await walkPages(path, file, ...metas, ourTrees({ values: true, visited: { name, visit } }));
  } finally {
    await file.close();
  }
}

async function checkData(path: string, file: OpenFile, check: Check): Promise<bigint> {
  const { pages = false, values = false, butOf } = check;
  for (let attempt = 1; ; attempt++) {
    const metas = await checkMetas(path, file);
    if (!metas) return 0n;
    const [newest, other] = metas;
    if (!pages) return newest.transaction;
    try {
      await walkPages(path, file, newest, other, ourTrees({ values, butOf }));
      return newest.transaction;
    } catch (error) {
      // Another process may be writing to it, over pages that this walk had still to come to.
      const now = (await checkMetas(path, file))?.[0].transaction;
      if (now === newest.transaction || now === undefined) throw error;
      // It writes faster than this walks, and goes on: so what it reads has been whole till now.
      if (attempt === maxAttempts) return now;
    }
  }
}

/** The meta pages, that of the last transaction first; none in a new file. */
async function checkMetas(path: string, file: OpenFile): Promise<readonly [newest: Meta, other: Meta] | undefined> {
  for (let attempt = 1; ; attempt++) {
    const { size } = await file.stat();
    // LMDB makes it so, and writes the meta pages then.
    if (size === 0) return undefined;
    const metas = await metasOf(path, file);
    const [newest, other] = newestFirst(metas);
    const end = Number(newest.lastPage + 1n) * newest.pageSize;
    const reason = contradiction(metas);
    if (!reason && size >= end) return [newest, other];
    // Another process may be writing to it: then the next look sees another pair.
    if (attempt < maxAttempts) {
      await sleep(attempt);
      continue;
    }
    if (reason) throw new CorruptCheckpointError(path, magicAt, reason);
    if (end - size > maxUnwrittenBytes)
      throw new CorruptCheckpointError(path, size, `it ends here, and its pages at ${end}`);
    // What was never written nobody reads, and of a file that was cut LMDB reads zeros then, which it refuses, instead of
    // beyond its end, which would be a SIGBUS.
    await appendZeros(path, end - size);
    return [newest, other];
  }
}
