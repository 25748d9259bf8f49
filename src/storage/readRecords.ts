import { CorruptCheckpointError, DStreamError } from '../batch/errors.js';
import type { FileSystem, OpenFile } from './fileSystem.js';
import { frameBytes, headAt, headerBytes, headerFault, isWhole } from './recordFrame.js';

const windowBytes = 1 << 20;

export interface ReadOptions {
  /** Where the file must end with a whole record, in bytes; what follows is ignored. Default: the end of the file. */
  readonly end?: number;
  /**
   * Whether the last record may be cut off: in the file that was being written when the process died. Such a record was
   * never acknowledged. Default: false.
   */
  readonly torn?: boolean;
}

/**
 * Calls `visit` with the payload of each record of a file, in order, and where the record begins. Returns where the whole
 * records end. Files may be larger than memory: they are read piece by piece.
 *
 * @throws {CorruptCheckpointError} naming file and offset: damage is not guessed at
 */
export async function readRecords(
  fs: FileSystem,
  path: string,
  { end, torn = false }: ReadOptions,
  visit: (payload: Buffer, at: number) => void,
): Promise<number> {
  const file = await fs.open(path, 'r');
  try {
    const { size } = await file.stat();
    const reader = new WindowedReader(file, Math.min(size, end ?? size));
    if (end !== undefined && size < end) throw new CorruptCheckpointError(path, size, `it had ${end} bytes before`);
    const first = await reader.bytes(0, headerBytes);
    const fault = headerFault(first);
    if (fault) {
      // A power cut may leave a file that was never synced with its length and without its bytes.
      if (torn && (size < headerBytes || first.every((byte) => byte === 0))) return 0;
      throw new CorruptCheckpointError(path, fault.offset, fault.reason);
    }
    return await readFrames(reader, path, torn, visit);
  } finally {
    await file.close();
  }
}

/**
 * Returns the payload of the record whose frame begins at `at`.
 *
 * @throws {CorruptCheckpointError} naming file and offset
 */
export async function readRecord(fs: FileSystem, path: string, at: number): Promise<Buffer> {
  const file = await fs.open(path, 'r');
  try {
    const reader = new WindowedReader(file, (await file.stat()).size);
    const head = headAt(await reader.bytes(at, frameBytes), 0);
    if (!head) throw new CorruptCheckpointError(path, at, 'a record has no complete head');
    const payload = await reader.bytes(at + frameBytes, head.length);
    if (!isWhole(payload, head)) throw new CorruptCheckpointError(path, at, 'the checksum of a record is wrong');
    return payload;
  } finally {
    await file.close();
  }
}

async function readFrames(
  reader: WindowedReader,
  path: string,
  torn: boolean,
  visit: (payload: Buffer, at: number) => void,
): Promise<number> {
  let at = headerBytes;
  for (let sequence = 0; at < reader.size; sequence++) {
    const damaged = async (reason: string): Promise<number> => {
      if (torn && !(await laterRecord(reader, at, sequence))) return at;
      throw new CorruptCheckpointError(path, at, reason);
    };
    const head = headAt(await reader.bytes(at, frameBytes), 0);
    if (!head) return damaged('a record has no complete head');
    if (head.sequence !== sequence) {
      throw new CorruptCheckpointError(path, at, `it is record ${head.sequence} where ${sequence} should be`);
    }
    const until = at + frameBytes + head.length;
    if (until > reader.size) return damaged('a record runs past the end of the file');
    const payload = await reader.bytes(at + frameBytes, head.length);
    if (!isWhole(payload, head)) return damaged('the checksum of a record is wrong');
    try {
      visit(payload, at);
    } catch (error) {
      if (error instanceof DStreamError) throw error;
      throw new CorruptCheckpointError(path, at, `a record cannot be read: ${(error as Error).message}`);
    }
    at = until;
  }
  return at;
}

/** Whether a record with a higher number begins later in the file: then the damage is not a torn end. */
async function laterRecord(reader: WindowedReader, from: number, sequence: number): Promise<boolean> {
  const maxSequence = sequence + Math.ceil((reader.size - from) / frameBytes);
  for (let start = from + 1; start + frameBytes <= reader.size; start += windowBytes) {
    const bytes = await reader.bytes(start, windowBytes + frameBytes - 1);
    for (let i = 0; i + frameBytes <= bytes.length; i++) {
      const found = bytes.readUInt32BE(i + 4);
      if (found > sequence && found <= maxSequence && headAt(bytes, i)) return true;
    }
  }
  return false;
}

/** Reads a file in windows. The bytes it returns stay valid: a window is never overwritten. */
class WindowedReader {
  readonly size: number;
  readonly #file: OpenFile;
  #window = Buffer.alloc(0);
  #from = 0;

  constructor(file: OpenFile, size: number) {
    this.#file = file;
    this.size = size;
  }

  /** Returns fewer bytes at the end of the file. */
  async bytes(from: number, length: number): Promise<Buffer> {
    const until = Math.min(from + length, this.size);
    if (from < this.#from || until > this.#from + this.#window.length) await this.#move(from, until);
    return this.#window.subarray(from - this.#from, Math.max(until - this.#from, from - this.#from));
  }

  async #move(from: number, until: number): Promise<void> {
    const window = Buffer.allocUnsafe(Math.min(Math.max(until - from, windowBytes), this.size - from));
    let length = 0;
    while (length < window.length) {
      const { bytesRead } = await this.#file.read(window, length, window.length - length, from + length);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    this.#window = window.subarray(0, length);
    this.#from = from;
  }
}
