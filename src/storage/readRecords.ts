import { CorruptCheckpointError, DStreamError } from '../batch/errors.js';
import type { FileSystem, OpenFile } from './fileSystem.js';
import { type FrameHead, frameBytes, headAt, headerBytes, headerFault, isWhole } from './recordFrame.js';
import { macBytes, type RecordMac } from './recordMac.js';

/** What is read at once. */
const windowBytes = 1 << 20;

export interface ReadOptions {
  /** Where the file must end with a whole record, in bytes; what follows is ignored. Default: the end of the file. */
  readonly end?: number;
  /**
   * Whether the last record may be cut off: in the file that was being written when the process died. Such a record was
   * never acknowledged. Default: false.
   */
  readonly torn?: boolean;
  /**
   * Whether payloads stay valid after `visit` has returned. Otherwise they are all read into the same memory: to get it from the system
   * again for each piece of a large file takes about as long as to read it. Default: true.
   */
  readonly kept?: boolean;
  /** Authenticates the records, before any is visited. Default: the file has no authentication codes. */
  readonly mac?: RecordMac | undefined;
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
  { end, torn = false, kept = true, mac }: ReadOptions,
  visit: (payload: Buffer, at: number) => void,
): Promise<number> {
  const file = await fs.open(path, 'r');
  try {
    const { size } = await file.stat();
    const reader = new WindowedReader(file, Math.min(size, end ?? size), kept);
    if (end !== undefined && size < end) throw new CorruptCheckpointError(path, size, `it had ${end} bytes before`);
    const first = await reader.bytes(0, headerBytes);
    const fault = headerFault(first, mac !== undefined);
    if (fault) {
      // A power cut may leave a file that was never synced with its length and without its bytes.
      if (torn && (size < headerBytes || first.every((byte) => byte === 0))) return 0;
      throw new CorruptCheckpointError(path, fault.offset, fault.reason);
    }
    return await readFrames(reader, path, { torn, mac }, visit);
  } finally {
    await file.close();
  }
}

/**
 * Returns the payload of the record whose frame begins at `at`, and whose length is known: it is read at once, into memory of its own.
 *
 * @throws {CorruptCheckpointError} naming file and offset
 */
export async function readRecord(
  fs: FileSystem,
  path: string,
  { at, length }: { readonly at: number; readonly length: number },
  mac?: RecordMac,
): Promise<Buffer> {
  const file = await fs.open(path, 'r');
  try {
    const whole = frameBytes + (mac ? macBytes : 0) + length;
    const bytes = await readFully(file, Buffer.allocUnsafeSlow(whole), at);
    const head = headAt(bytes, 0);
    if (!head) throw new CorruptCheckpointError(path, at, 'a record has no complete head');
    const payload = bytes.subarray(frameBytes);
    if (!isWhole(payload, head)) throw new CorruptCheckpointError(path, at, 'the checksum of a record is wrong');
    return authentic(payload, head, mac, path, at);
  } finally {
    await file.close();
  }
}

async function readFrames(
  reader: WindowedReader,
  path: string,
  { torn, mac }: Required<Pick<ReadOptions, 'torn' | 'mac'>>,
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
    const verified = authentic(payload, head, mac, path, at);
    try {
      visit(verified, at);
    } catch (error) {
      if (error instanceof DStreamError) throw error;
      throw new CorruptCheckpointError(path, at, `a record cannot be read: ${(error as Error).message}`);
    }
    at = until;
  }
  return at;
}

/**
 * The payload without its authentication code. One that is whole was not cut off by a crash, and is refused at the end of a file too.
 *
 * @throws {CorruptCheckpointError} when the code does not fit
 */
function authentic(payload: Buffer, { sequence }: FrameHead, mac: RecordMac | undefined, path: string, at: number) {
  const verified = mac ? mac.verified(payload, sequence) : payload;
  if (verified) return verified;
  const reason = 'a record was not written with this integrityKey: it is another key, or somebody has changed the file';
  throw new CorruptCheckpointError(path, at, reason);
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

/**
 * Reads a file in windows. A frame that is large has one of its own, which ends behind the head of the next frame: no byte of a file of
 * such frames is read twice.
 */
class WindowedReader {
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
async function readFully(file: OpenFile, memory: Buffer, position: number): Promise<Buffer> {
  let length = 0;
  while (length < memory.length) {
    const { bytesRead } = await file.read(memory, length, memory.length - length, position + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return memory.subarray(0, length);
}
