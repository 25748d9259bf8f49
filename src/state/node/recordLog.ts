import { type FileHandle, open } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { CorruptCheckpointError } from '../../batch/errors.js';

// A file of records, each with its length and checksum, behind a header that says what the file is:
//
//     magic (8) | version (4) |  length (4) crc (4) payload  |  length (4) crc (4) payload  | ...
//
// A record that is cut off at the very end was being written when the process died: it was never acknowledged, and is cut
// away. Damage anywhere else is not guessed at.

const magic = Buffer.from('dstream\n');
const headerBytes = 12;
const frameBytes = 8;

/** The one format there is. A file of another version is refused. */
export const formatVersion = 1;

export function header(): Buffer {
  const bytes = Buffer.alloc(headerBytes);
  magic.copy(bytes);
  bytes.writeUInt32BE(formatVersion, magic.length);
  return bytes;
}

/** A record as it stands in the file. The length is part of what is summed: a wrong one cannot pass. */
export function frame(payload: Uint8Array): Buffer {
  const bytes = Buffer.alloc(frameBytes + payload.length);
  bytes.writeUInt32BE(payload.length, 0);
  bytes.set(payload, frameBytes);
  bytes.writeUInt32BE(checksum(bytes, 0, payload.length), 4);
  return bytes;
}

function checksum(bytes: Buffer, at: number, length: number): number {
  return crc32(bytes.subarray(at + frameBytes, at + frameBytes + length), crc32(bytes.subarray(at, at + 4)));
}

/**
 * The payloads of the records of a file, and where the whole ones end. `torn` says whether a record that is cut off at
 * the end is allowed: in the log that was written last it is, in a snapshot it is not.
 *
 * @throws {CorruptCheckpointError} naming file and offset
 */
export function readRecords(file: string, bytes: Buffer, torn: boolean): { payloads: Buffer[]; end: number } {
  checkHeader(file, bytes);
  const payloads: Buffer[] = [];
  let at = headerBytes;
  while (at < bytes.length) {
    const length = at + frameBytes <= bytes.length ? bytes.readUInt32BE(at) : Infinity;
    const end = at + frameBytes + length;
    if (end > bytes.length) {
      if (torn && nothingFollows(bytes, at)) break;
      throw new CorruptCheckpointError(file, at, 'a record runs past the end of the file');
    }
    if (checksum(bytes, at, length) !== bytes.readUInt32BE(at + 4)) {
      // The last record may have been written in part, with its length first.
      if (torn && end === bytes.length) break;
      throw new CorruptCheckpointError(file, at, 'the checksum of a record is wrong');
    }
    payloads.push(bytes.subarray(at + frameBytes, end));
    at = end;
  }
  return { payloads, end: at };
}

/** A length that was damaged points past the end too: then whole records would be cut away, so they are looked for. */
function nothingFollows(bytes: Buffer, torn: number): boolean {
  for (let at = torn + 1; at + frameBytes <= bytes.length; at++) {
    const length = bytes.readUInt32BE(at);
    if (length === 0 || at + frameBytes + length > bytes.length) continue;
    if (checksum(bytes, at, length) === bytes.readUInt32BE(at + 4)) return false;
  }
  return true;
}

function checkHeader(file: string, bytes: Buffer): void {
  if (bytes.length < headerBytes || !bytes.subarray(0, magic.length).equals(magic)) {
    throw new CorruptCheckpointError(file, 0, 'it is no checkpoint file');
  }
  const version = bytes.readUInt32BE(magic.length);
  if (version !== formatVersion) {
    throw new CorruptCheckpointError(
      file,
      magic.length,
      `its format is version ${version}, this library reads ${formatVersion}`,
    );
  }
}

/** Appends to a log file. After a write has failed nothing more is written: what the disk holds is not known. */
export class LogWriter {
  readonly #file: FileHandle;
  #size: number;
  #broken: unknown;

  private constructor(file: FileHandle, size: number) {
    this.#file = file;
    this.#size = size;
  }

  /** Opens a log at its end, which is cut off at `end` first; a new one gets its header. */
  static async open(path: string, end?: number): Promise<LogWriter> {
    const file = await open(path, end === undefined ? 'wx' : 'r+');
    try {
      if (end === undefined) await file.write(header());
      else await file.truncate(end);
      await file.sync();
      return new LogWriter(file, end ?? headerBytes);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get size(): number {
    return this.#size;
  }

  /** Resolves when the record is on the disk. */
  async append(payload: Uint8Array): Promise<void> {
    if (this.#broken) throw this.#broken;
    const bytes = frame(payload);
    try {
      await this.#file.write(bytes, 0, bytes.length, this.#size);
      await this.#file.datasync();
    } catch (error) {
      this.#broken = error;
      throw error;
    }
    this.#size += bytes.length;
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
