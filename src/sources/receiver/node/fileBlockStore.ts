import { resolve } from 'node:path';
import { defer } from 'rxjs';
import { checkOptions, type OptionChecks } from '../../../options/checkOptions.js';
import { checkText } from '../../../options/checks.js';
import type { FileSystem } from '../../../storage/fileSystem.js';
import { LockedDirectory } from '../../../storage/lockedDirectory.js';
import { privateFileSystem } from '../../../storage/privateFileSystem.js';
import type { WriteAheadLog, WriteAheadLogRequest } from '../writeAheadLog.js';
import { FileLogSession } from './fileLogSession.js';
import { type FileWriteAheadLogOptions, fileLogChecks, resolveFileLogOptions } from './fileWriteAheadLog.js';
import { segmentNames } from './segmentRecords.js';

/** Options of `fileBlockStore`. */
export type FileBlockStoreOptions = Pick<
  FileWriteAheadLogOptions,
  'segmentBytes' | 'maxFailures' | 'codec' | 'integrityKey'
>;

const optionChecks: OptionChecks<FileBlockStoreOptions> = {
  segmentBytes: fileLogChecks.segmentBytes,
  maxFailures: fileLogChecks.maxFailures,
  codec: fileLogChecks.codec,
  integrityKey: fileLogChecks.integrityKey,
};

/**
 * Keeps the blocks of one receiver that do not fit into memory in files of one directory: the disk of the storage levels
 * `'memory-and-disk'` and `'disk'` where there is no write-ahead log. Nothing is synced, and what the directory has from before is
 * deleted when it is opened: the records are lost with the process, as those in memory are.
 *
 * @param directory Created if it is missing. One process uses it at a time.
 * @throws {InvalidOptionError} when `directory` is empty or an option is out of its range
 * @throws {StorageError} (as a notification) when it cannot be read or written
 *
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { foreachBatch, receiverBatches } from 'dstream';
 * import { fileBlockStore } from 'dstream/node';
 *
 * const directory = mkdtempSync(join(tmpdir(), 'blocks-'));
 * let count = 0;
 * receiverBatches(Array.from({ length: 2_000 }, (_, i) => `${i}`.padEnd(1_000)), {
 *   interval: 20,
 *   storageLevel: 'memory-and-disk',
 *   maxQueueBytes: 1_000_000,
 *   blockStore: fileBlockStore(directory),
 * })
 *   .pipe(
 *     foreachBatch((records) => {
 *       count += records.length;
 *     }),
 *   )
 *   .subscribe({ complete: () => console.log(count) });
 * // => 2000
 * ```
 */
export function fileBlockStore(directory: string, options: FileBlockStoreOptions = {}): WriteAheadLog {
  checkText('fileBlockStore', 'directory', directory);
  checkOptions('fileBlockStore', options, optionChecks);
  // A batch that is faster than the disk takes records that need not be written any more.
  const settings = { ...resolveFileLogOptions(options), gaps: true };
  const location = resolve(directory);
  const open = async (request: WriteAheadLogRequest, locked: LockedDirectory) => {
    for (const name of segmentNames(await locked.names())) await locked.remove(name);
    return FileLogSession.open(locked, settings, request);
  };
  const openIn = (request: WriteAheadLogRequest) => {
    const fs = unsynced(privateFileSystem);
    const openLocked = (locked: LockedDirectory) => open(request, locked);
    return LockedDirectory.open(location, 'block store', openLocked, fs, undefined, settings.integrityKey);
  };
  return { location, open: (request) => defer(() => openIn(request)) };
}

/** Files whose bytes need not survive the process. */
function unsynced(fs: FileSystem): FileSystem {
  return {
    ...fs,
    open: async (path, flags) => {
      const file = await fs.open(path, flags);
      return {
        write: (...parameters) => file.write(...parameters),
        read: (...parameters) => file.read(...parameters),
        datasync: async () => {},
        sync: async () => {},
        truncate: (length) => file.truncate(length),
        stat: () => file.stat(),
        close: () => file.close(),
      };
    },
  };
}
