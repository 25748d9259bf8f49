import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CorruptCheckpointError } from '../../batch/errors.js';
import { appendZeros } from './dataFile.js';
import { layoutIsKnown, type Meta, magicAt, metasOf, newestFirst } from './metaPages.js';
import { ourTrees } from './ourTrees.js';
import { walkPages } from './walkPages.js';

// LMDB maps its files into memory and trusts them: on a full disk, or of a file that was cut, it may end the process by a
// signal where another would give an error. And its binding ends the process by another when LMDB refuses to open (a fault of
// 3.5.6: it looks at what it has just freed). So all that can be seen beforehand is looked for here.

/** What LMDB takes at once when it opens a directory is less. */
const room = 262_144;
const tries = 5;
/** How much the last pages may be that a transaction took, gave up again and therefore never wrote. */
const unwritten = 1_048_576;

/** What is looked at in the file of the data, beside its meta pages and its length. */
export interface Check {
  /** All its pages. */
  readonly pages: boolean;
  /** The checksums of the values in them, which matter where not all of them are read at once. */
  readonly values: boolean;
}

/**
 * Sees that a directory can be given to LMDB: that there is room to open it, that its files can be written, and that the file
 * of its data has what its meta pages say, and pages that are whole.
 * Gives the number of its last transaction; 0 of a new one.
 *
 * @throws {CorruptCheckpointError} when the meta pages contradict each other, the file ends before its pages do, or a page
 * is damaged
 */
export async function checkFiles(directory: string, check: Check): Promise<bigint> {
  await probe(directory);
  await (await openIfThere(join(directory, 'lock.mdb')))?.close();
  const path = join(directory, 'data.mdb');
  const file = await openIfThere(path);
  if (!file) return 0n;
  try {
    return layoutIsKnown ? await checkData(path, file, check) : 0n;
  } finally {
    await file.close();
  }
}

/** LMDB maps `lock.mdb` into memory before there is room for it: on a full disk the first write to it is a SIGBUS. */
async function probe(directory: string): Promise<void> {
  const path = join(directory, `room-${process.pid}`);
  try {
    const file = await open(path, 'w');
    try {
      await file.writeFile(Buffer.alloc(room, 1));
      await file.datasync();
    } finally {
      await file.close();
    }
  } finally {
    await rm(path, { force: true });
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r+');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function checkData(path: string, file: FileHandle, { pages, values }: Check): Promise<bigint> {
  for (let attempt = 1; ; attempt++) {
    const metas = await checkMetas(path, file);
    if (!metas) return 0n;
    const [newest, other] = metas;
    if (!pages) return newest.transaction;
    try {
      await walkPages(path, file, newest, other, ourTrees(values));
      return newest.transaction;
    } catch (error) {
      // Another process may be writing to it, over pages that this walk had still to come to.
      const now = (await checkMetas(path, file))?.[0].transaction;
      if (now === newest.transaction || now === undefined) throw error;
      // It writes faster than this walks, and goes on: so what it reads has been whole till now.
      if (attempt === tries) return now;
    }
  }
}

/** The meta pages, that of the last transaction first; none in a new file. */
async function checkMetas(path: string, file: FileHandle): Promise<readonly [newest: Meta, other: Meta] | undefined> {
  for (let attempt = 1; ; attempt++) {
    const { size } = await file.stat();
    // LMDB makes it so, and writes the meta pages then.
    if (size === 0) return undefined;
    const metas = await metasOf(path, file);
    const [newest, other] = newestFirst(metas);
    const end = Number(newest.lastPage + 1n) * newest.pageSize;
    const reason = contradiction(metas, newest, other);
    if (!reason && size >= end) return [newest, other];
    // Another process may be writing to it: then the next look sees another pair.
    if (attempt < tries) {
      await sleep(attempt);
      continue;
    }
    if (reason) throw new CorruptCheckpointError(path, magicAt, reason);
    if (end - size > unwritten) throw new CorruptCheckpointError(path, size, `it ends here, and its pages at ${end}`);
    // What was never written nobody reads, and of a file that was cut LMDB reads zeros then, which it refuses, instead of
    // beyond its end, which would be a SIGBUS.
    await appendZeros(path, end - size);
    return [newest, other];
  }
}

/** What cannot be of two meta pages of one file. */
function contradiction([first, second]: readonly [Meta, Meta], newest: Meta, other: Meta): string | undefined {
  if (!first.fixed.equals(second.fixed)) return 'its meta pages are not of one database';
  if (!takeTurns(first.transaction, second.transaction)) {
    return `its meta pages are of transactions ${first.transaction} and ${second.transaction}`;
  }
  if (newest.lastPage < other.lastPage) return `it had ${other.lastPage} pages and has ${newest.lastPage} now`;
  return undefined;
}

/** Even transactions are written to the first page, odd ones to the second; both are 0 at first. */
function takeTurns(first: bigint, second: bigint): boolean {
  if (second === 0n) return first === 0n;
  return first % 2n === 0n && (second === first + 1n || second === first - 1n);
}
