import type { OpenFile } from './fileSystem.js';
import { frameBytes } from './recordFrame.js';

/** What is read at once. */
export const windowBytes = 1 << 20;

/**
 * Reads a file in windows. A frame that is large has one of its own, which ends behind the head of the next frame: no byte of a file of
 * such frames is read twice.
 */
export class WindowedReader {
  readonly size: number;
  readonly #file: OpenFile;
  readonly #kept: boolean;
  #memory: Buffer = Buffer.alloc(0);
  #window: Buffer = Buffer.alloc(0);
  #from = 0;

  /** @param kept whether the bytes that it returns stay valid when it is asked for others */
  constructor(file: OpenFile, size: number, kept: boolean) {
    this.#file = file;
    this.size = size;
    this.#kept = kept;
  }

  /** Returns fewer bytes at the end of the file. */
  async bytes(from: number, length: number): Promise<Buffer> {
    const until = Math.min(from + length, this.size);
    if (from < this.#from || until > this.#from + this.#window.length) await this.#move(from, until);
    return this.#window.subarray(from - this.#from, Math.max(until - this.#from, from - this.#from));
  }

  async #move(from: number, until: number): Promise<void> {
    const wanted = Math.max(until - from, 0);
    const length = Math.min(wanted > windowBytes / 2 ? wanted + frameBytes : windowBytes, this.size - from);
    this.#window = await readFully(this.#file, this.#memoryOf(Math.max(length, 0)), from);
    this.#from = from;
  }

  #memoryOf(length: number): Buffer {
    if (this.#kept) return Buffer.allocUnsafeSlow(length);
    if (this.#memory.length < length) this.#memory = Buffer.allocUnsafeSlow(Math.max(length, windowBytes));
    return this.#memory.subarray(0, length);
  }
}

/** Fills the memory from the file; returns less of it at the end of the file. */
export async function readFully(file: OpenFile, memory: Buffer, position: number): Promise<Buffer> {
  let length = 0;
  while (length < memory.length) {
    const { bytesRead } = await file.read(memory, length, memory.length - length, position + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return memory.subarray(0, length);
}
