import { constants, type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { layoutIsKnown, metasOf } from './metaPages.js';

/** Bytes. */
const sliceBytes = 1_048_576;
/** What LMDB keeps for itself beside what a transaction changes. */
const reservedPages = 64;

/** What a transaction is going to write. */
export interface Volume {
  /** How many entries it puts or removes. */
  writes: number;
  /** Of their keys and values. */
  bytes: number;
}

/**
 * The file of the data, which LMDB makes longer as it needs. Here it is made longer before that, because a write that is
 * refused spoils the memory of the process (a fault of lmdb 3.5.6: what it says of it is longer than the room it has for
 * that); a full disk is then this library's own error, and LMDB never sees it.
 */
export class DataFile {
  readonly #path: string;
  readonly #file: FileHandle;
  #bytes: number | undefined;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  static async open(directory: string): Promise<DataFile> {
    const path = join(directory, 'data.mdb');
    return new DataFile(path, await open(path, 'r'));
  }

  /** Room for a transaction: LMDB writes a new copy of each page that it changes. What is left over serves the next one. */
  async makeRoom({ writes, bytes }: Volume): Promise<void> {
    if (!layoutIsKnown) return;
    const [first, second] = await metasOf(this.#path, this.#file);
    const { pageSize } = first;
    const pages = Number(first.lastPage > second.lastPage ? first.lastPage : second.lastPage) + 1;
    // A leaf for each entry and some branches, and no more than there are; what is added fills pages at least by half.
    const changed = Math.min(Math.ceil(writes * 1.3), pages) + Math.ceil((2 * bytes) / pageSize);
    const { size } = await this.#file.stat();
    const wanted = (pages + changed + reservedPages) * pageSize;
    this.#bytes = Math.max(size, wanted);
    if (size < wanted) await appendZeros(this.#path, wanted - size);
  }

  /** The length of the file as of the last `makeRoom`; `undefined` where that could not look. */
  get bytes(): number | undefined {
    return this.#bytes;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}

/**
 * Makes a file longer. At its end, wherever that is: another process may be making it longer too, and what it has written
 * stays then. One that has been removed meanwhile is not made again: LMDB refuses a file of zeros, and its binding ends the process then.
 */
export async function appendZeros(path: string, bytes: number): Promise<void> {
  const file = await open(path, constants.O_WRONLY | constants.O_APPEND);
  try {
    for (let left = bytes; left > 0; left -= sliceBytes)
      await file.writeFile(zeros.subarray(0, Math.min(left, sliceBytes)));
  } finally {
    await file.close();
  }
}

const zeros = Buffer.alloc(sliceBytes);
