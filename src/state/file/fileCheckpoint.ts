import type { KeyObject } from 'node:crypto';
import { resolve } from 'node:path';
import { defer } from 'rxjs';
import { checkOptions, type OptionChecks } from '../../options/checkOptions.js';
import { checkPositiveInteger, checkText } from '../../options/checks.js';
import type { FileSystem } from '../../storage/fileSystem.js';
import { type IntegrityOptions, integrityChecks, integrityKeyOf } from '../../storage/integrityKey.js';
import { LockedDirectory } from '../../storage/lockedDirectory.js';
import { privateFileSystem } from '../../storage/privateFileSystem.js';
import type { Acquisition, TakeoverOptions } from '../../storage/takeover.js';
import type { Checkpoint, CheckpointSession, OpenOptions } from '../checkpoint.js';
import type { Salvage } from '../damage.js';
import { directoryCommand } from '../directoryCommand.js';
import { readOnlySession } from '../readOnlySession.js';
import { resolveTakeover, takeoverChecks } from '../resolveTakeover.js';
import { withSalvageHint } from '../salvageHint.js';
import { FileSession } from './fileSession.js';
import { salvageFiles } from './salvageFiles.js';

/** Options of `fileCheckpoint`. */
export interface FileCheckpointOptions extends TakeoverOptions, IntegrityOptions {
  /**
   * A snapshot is begun when the changelogs have grown to this many bytes, and to twice the last snapshot.
   * @default 4194304 (4 MiB)
   */
  readonly snapshotBytes?: number | undefined;
}

const optionChecks: OptionChecks<FileCheckpointOptions> = {
  snapshotBytes: checkPositiveInteger,
  ...takeoverChecks,
  ...integrityChecks,
};

/**
 * A checkpoint in files of one directory: a changelog to which each batch appends what it changed, durable before the
 * batch counts as saved, and now and then a snapshot of everything, written in the background, after which older files
 * are deleted. The amount written is in proportion to what changes.
 *
 * The structured clone algorithm must be able to copy the state: plain data, `Map`, `Set`, `Date`, bigints, typed arrays.
 * Files hold data only; they have a version and checksums. A record that a crash cut off is removed; other damage is refused
 * with file and offset, and the command that exports the rest. One process uses a directory at a time: another one waits until its owner has left or shows no sign of life.
 *
 * @param directory created if it is missing
 * @throws {InvalidOptionError} when `directory` is empty or `snapshotBytes` is not a positive integer, or
 * another option is out of its range
 * @throws {CheckpointError} (as a notification) when the directory is in use by another stream of this process, or by any with
 * `takeover: 'refuse'`
 * @throws {StorageError} (as a notification) when it cannot be read or written: the disk is full, or fails
 * @throws {FencedError} (as a notification) when another process has taken the directory over
 * @throws {CorruptCheckpointError} (as a notification) when a file is damaged, of an unknown version, or not
 * written with this `integrityKey`
 *
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { foreachBatch, fromBatches, type Pair, updateStateByKey } from 'dstream';
 * import { fileCheckpoint } from 'dstream/node';
 *
 * const directory = mkdtempSync(join(tmpdir(), 'checkpoint-'));
 * const days: Pair<string, number>[][] = [[['ann', 1]], [['ann', 1]], [['ann', 1]]];
 * const run = (end: () => void) =>
 *   fromBatches(days, { interval: 5, checkpoint: fileCheckpoint(directory) })
 *     .pipe(
 *       updateStateByKey((visits, total: number | undefined) => (total ?? 0) + visits.length, { id: 'visits' }),
 *       foreachBatch((totals) => console.log(JSON.stringify(totals))),
 *     )
 *     .subscribe({ complete: end });
 * run(() => run(() => console.log('nothing left to do')));
 * // => [["ann",1]]
 * // => [["ann",2]]
 * // => [["ann",3]]
 * // => nothing left to do
 * ```
 */
export function fileCheckpoint(directory: string, options: FileCheckpointOptions = {}): Checkpoint {
  checkText('fileCheckpoint', 'directory', directory);
  checkOptions('fileCheckpoint', options, optionChecks);
  const { snapshotBytes = 4 * 1024 * 1024 } = options;
  const location = resolve(directory);
  const takeover = resolveTakeover(options);
  const key = integrityKeyOf(options);
  const command = (action: string) => directoryCommand(location, action);
  const open = (how?: OpenOptions) => {
    const acquisition = takeover(how);
    if (how?.salvage) return openDamaged(privateFileSystem, location, how.salvage, acquisition, key);
    return openFiles(privateFileSystem, location, snapshotBytes, acquisition, key).catch((error: unknown) => {
      throw withSalvageHint(error, { command });
    });
  };
  return {
    location,
    command,
    open: (how) => defer(() => open(how)),
  };
}

/** Opens a checkpoint directory on any file system: tests pass one that is full or fails. */
export function openFiles(
  fs: FileSystem,
  location: string,
  snapshotBytes: number,
  acquisition?: Acquisition,
  key?: KeyObject,
): Promise<CheckpointSession> {
  const open = (directory: LockedDirectory) => FileSession.open(directory, snapshotBytes);
  return LockedDirectory.open(location, 'checkpoint', open, fs, acquisition, key);
}

/** Reads what is left of a directory that may be damaged. */
function openDamaged(
  fs: FileSystem,
  location: string,
  salvage: Salvage,
  acquisition?: Acquisition,
  key?: KeyObject,
): Promise<CheckpointSession> {
  const open = async (directory: LockedDirectory) => {
    const restored = await salvageFiles(directory, salvage);
    return readOnlySession(location, restored, () => directory.release());
  };
  return LockedDirectory.open(location, 'checkpoint', open, fs, acquisition, key);
}
