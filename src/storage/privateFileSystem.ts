import { constants } from 'node:fs';
import { mkdir, open, readFile, stat } from 'node:fs/promises';
import { type FileSystem, nodeFileSystem } from './fileSystem.js';

/** What only its owner may read and write. */
export const privateFileMode = 0o600;
const privateDirectoryMode = 0o700;

/** Not known on Windows. */
const noFollow = constants.O_NOFOLLOW ?? 0;
const flagsOf = {
  r: constants.O_RDONLY | noFollow,
  'r+': constants.O_RDWR | noFollow,
  w: constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | noFollow,
  wx: constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | noFollow,
};

/**
 * The file system for checkpoints and write-ahead logs: what it creates only its owner may read, and it opens no file behind a
 * symbolic link, which somebody else may have planted. The modes of existing directories stay as they are.
 */
export const privateFileSystem: FileSystem = {
  ...nodeFileSystem,
  open: async (path, flags) => {
    try {
      return await open(path, flagsOf[flags], privateFileMode);
    } catch (error) {
      // A directory may be a link: that is how it is moved to another disk.
      if (flags === 'r' && isLink(error) && (await stat(path)).isDirectory()) return open(path, 'r');
      throw error;
    }
  },
  readFile: (path) => readFile(path, { encoding: 'utf8', flag: flagsOf.r }),
  makeDirectory: (directory) => mkdir(directory, { recursive: true, mode: privateDirectoryMode }),
};

function isLink(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ELOOP';
}
