import { CorruptCheckpointError, DStreamError } from '../batch/errors.js';
import type { FileSystem } from './fileSystem.js';
import { isNeverSynced, laterRecord } from './laterRecord.js';
import { type FrameHead, frameBytes, headAt, headerBytes, headerFault, isWhole } from './recordFrame.js';
import { macBytes, type RecordMac } from './recordMac.js';
import { readFully, WindowedReader } from './windowedReader.js';

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
      if (torn && (await isNeverSynced(reader, Buffer.from(first)))) return 0;
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
