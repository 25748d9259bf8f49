import { frameBytes, headAt, headerBytes } from './recordFrame.js';
import { type WindowedReader, windowBytes } from './windowedReader.js';

/** Whether a record with a higher number begins later in the file: then the damage is not a torn end. */
export async function laterRecord(reader: WindowedReader, from: number, sequence: number): Promise<boolean> {
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
 * Whether a file was begun only, as a power cut may leave it: with its length and without its bytes. The first record is synced before
 * another is written.
 */
export async function isNeverSynced(reader: WindowedReader, header: Buffer): Promise<boolean> {
  if (reader.size < headerBytes) return true;
  return header.every((byte) => byte === 0) && !(await laterRecord(reader, headerBytes - 1, 0));
}
