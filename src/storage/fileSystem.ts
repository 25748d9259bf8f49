import { link, mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';

/** An open file. */
export interface OpenFile {
  /** Like `pwrite`: may write less than it is given, as a full disk does. */
  write(
    bytes: Uint8Array,
    offset: number,
    length: number,
    position: number,
  ): Promise<{ readonly bytesWritten: number }>;
  read(bytes: Uint8Array, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>;
  datasync(): Promise<void>;
  sync(): Promise<void>;
  truncate(length: number): Promise<void>;
  stat(): Promise<{ readonly size: number }>;
  close(): Promise<void>;
}

/** What checkpoints, write-ahead logs and outputs need of a file system. A port, so that a full or failing disk can be tested. */
export interface FileSystem {
  open(path: string, flags: 'r' | 'r+' | 'w' | 'wx'): Promise<OpenFile>;
  readFile(path: string): Promise<string>;
  link(existing: string, path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
  list(directory: string): Promise<readonly string[]>;
  /** Returns the first directory that had to be made; `undefined` when all existed. */
  makeDirectory(directory: string): Promise<string | undefined>;
}

export const nodeFileSystem: FileSystem = {
  open,
  link,
  rename,
  readFile: (path) => readFile(path, 'utf8'),
  remove: (path) => rm(path, { force: true }),
  list: (directory) => readdir(directory),
  makeDirectory: (directory) => mkdir(directory, { recursive: true }),
};

/** Writes all bytes: after a short write it goes on, and fails if nothing more can be written. */
export async function writeFully(file: OpenFile, bytes: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await file.write(bytes, written, bytes.length - written, position + written);
    if (bytesWritten === 0) throw new Error('nothing more could be written');
    written += bytesWritten;
  }
}

/** Makes the names in a directory durable: without it, a file that was created or renamed may be gone after a power cut. */
export async function syncDirectory(path: string, fs: FileSystem = nodeFileSystem): Promise<void> {
  const directory = await fs.open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
