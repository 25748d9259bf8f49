import { type FileHandle, open } from 'node:fs/promises';
import { ReceiverError } from '../../../batch/errors.js';

const stepBytes = 1 << 16;
const newline = 0x0a;

export interface LinesWanted {
  /** Where the lines begin, in bytes. */
  readonly from: number;
  /** The size of the file. */
  readonly size: number;
  /** About how many bytes of lines; at least one line is taken. */
  readonly bytes: number;
  readonly maxLineBytes: number;
  /** Whether the file will not grow any more: its last line needs no end. */
  readonly complete: boolean;
}

/** Returns where the last whole line of those that are wanted ends; `from` without any. */
export async function endOfLines(path: string, wanted: LinesWanted): Promise<number> {
  const { from, size, bytes, maxLineBytes, complete } = wanted;
  const end = Math.min(from + Math.ceil(bytes), size);
  if (end === size && complete) return size;
  const file = await openFile(path);
  try {
    const before = await lastLineEnd(file, from, end);
    if (before > from) return before;
    const first = await firstLineEnd(file, end, Math.min(size, from + maxLineBytes + 1));
    if (first !== undefined) return first;
  } finally {
    await file.close();
  }
  if (size - from > maxLineBytes) {
    throw new ReceiverError(`fileReceiver ${path}`, `the line at byte ${from} is longer than ${maxLineBytes} bytes`);
  }
  return complete ? size : from;
}

/** Returns how long lines are on average, by those from `from` on; `undefined` without any. */
export async function meanLineBytes(path: string, from: number): Promise<number | undefined> {
  const file = await openFile(path);
  try {
    const bytes = await readAt(file, from, from + stepBytes);
    let lines = 0;
    let end = 0;
    for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, end)) {
      lines++;
      end = at + 1;
    }
    return lines > 0 ? end / lines : undefined;
  } finally {
    await file.close();
  }
}

/** Reads a part of a file, which must be there whole. */
export async function readRange(path: string, from: number, until: number): Promise<Buffer> {
  const file = await openFile(path);
  try {
    const bytes = await readAt(file, from, until);
    if (bytes.length === until - from) return bytes;
    const reason = `bytes ${from} to ${until} were planned, and it ends at ${from + bytes.length}`;
    throw new ReceiverError(`fileReceiver ${path}`, reason);
  } finally {
    await file.close();
  }
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, 'r');
  } catch (cause) {
    throw new ReceiverError(`fileReceiver ${path}`, (cause as Error).message, { cause });
  }
}

/** Where the last line that ends within the range ends; `from` when none does. */
async function lastLineEnd(file: FileHandle, from: number, end: number): Promise<number> {
  for (let until = end; until > from; until -= stepBytes) {
    const start = Math.max(until - stepBytes, from);
    const at = (await readAt(file, start, until)).lastIndexOf(newline);
    if (at >= 0) return start + at + 1;
  }
  return from;
}

async function firstLineEnd(file: FileHandle, from: number, end: number): Promise<number | undefined> {
  for (let start = from; start < end; start += stepBytes) {
    const at = (await readAt(file, start, Math.min(start + stepBytes, end))).indexOf(newline);
    if (at >= 0) return start + at + 1;
  }
  return undefined;
}

async function readAt(file: FileHandle, from: number, until: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(until - from);
  let length = 0;
  while (length < bytes.length) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length, from + length);
    if (bytesRead === 0) break;
    length += bytesRead;
  }
  return bytes.subarray(0, length);
}
