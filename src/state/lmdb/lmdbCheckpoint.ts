import { resolve } from 'node:path';
import { defer } from 'rxjs';
import { checkOptions, type OptionChecks } from '../../options/checkOptions.js';
import { checkPositiveInteger, checkText, oneOf } from '../../options/checks.js';
import type { FileSystem } from '../../storage/fileSystem.js';
import { LockedDirectory } from '../../storage/lockedDirectory.js';
import { privateFileSystem } from '../../storage/privateFileSystem.js';
import type { Acquisition, TakeoverOptions } from '../../storage/takeover.js';
import type { Checkpoint, CheckpointSession, OpenOptions } from '../checkpoint.js';
import type { Salvage } from '../damage.js';
import { directoryCommand } from '../directoryCommand.js';
import { readOnlySession } from '../readOnlySession.js';
import { resolveTakeover, takeoverChecks } from '../resolveTakeover.js';
import { withSalvageHint } from '../salvageHint.js';
import { LmdbSession } from './lmdbSession.js';
import { LmdbStore } from './lmdbStore.js';
import { salvageLmdb } from './salvageLmdb.js';

/** Options of `lmdbCheckpoint`. */
export interface LmdbCheckpointOptions extends TakeoverOptions {
  /**
   * How many keys of each state are held in memory, the most recently used; all of them are on disk. Without it states live
   * in memory, which is faster, and must fit there.
   */
  readonly cacheKeys?: number | undefined;
  /**
   * `'pages'` reads the whole file before LMDB opens it, and refuses it with a `CorruptCheckpointError` where a page is damaged.
   * By default only its two meta pages are read, which takes the same time for any size of file: a damaged state is refused when
   * it is read, but LMDB keeps no checksums of its own structure, and a damaged page may end the process by a signal.
   */
  readonly verify?: 'pages' | undefined;
}

const optionChecks: OptionChecks<LmdbCheckpointOptions> = {
  cacheKeys: checkPositiveInteger,
  verify: oneOf('pages'),
  ...takeoverChecks,
};

/**
 * A checkpoint in a directory of LMDB, a memory-mapped database (the package `lmdb`, a peer dependency): progress, planned
 * batches and state, each complete batch in one transaction, written off the event loop. What a batch costs is in
 * proportion to what it changed.
 *
 * With `cacheKeys` state may be larger than memory: operators read it from disk, synchronously, and hold the keys that were used
 * last; a restart reads nothing beforehand. An operation over all keys (`updateStateByKey` without `call: 'touched'`, or a
 * `timeout` at its start) reads all of them from disk.
 *
 * Each opening begins a new epoch, on which every write depends: another stream or process of this machine that had the
 * directory writes nothing more, and fails with a `FencedError`. An owner that shows signs of life is waited for, unless
 * `takeover` says otherwise. State may be whatever the structured clone algorithm can
 * copy; it is kept with a checksum.
 *
 * @throws {InvalidOptionError} when the directory is empty, `cacheKeys` is not a positive integer, or `verify`,
 * `takeover` or `leaseTime` is out of its range
 * @throws {CheckpointError} (as a notification) when the directory is in use by another stream of this process, or by any with
 * `takeover: 'refuse'`
 * @throws {StorageError} (as a notification) when the directory cannot be read or written, the disk is full, or `lmdb` is not
 * installed
 * @throws {TimedOutError} (as a notification) when a commit does not settle within 60 s
 * @throws {FencedError} (as a notification) when another stream or process has opened the directory
 * @throws {CorruptCheckpointError} (as a notification) when it is damaged, or of an unknown version
 *
 * @example
 * ```ts
 * import { mkdtempSync } from 'node:fs';
 * import { tmpdir } from 'node:os';
 * import { join } from 'node:path';
 * import { foreachBatch, fromBatches, type Pair, updateStateByKey } from 'dstream';
 * import { lmdbCheckpoint } from 'dstream/node';
 *
 * const checkpoint = lmdbCheckpoint(mkdtempSync(join(tmpdir(), 'checkpoint-')));
 * const days: Pair<string, number>[][] = [[['ann', 1]], [['ann', 1]]];
 * const run = (end: () => void) =>
 *   fromBatches(days, { interval: 5, checkpoint })
 *     .pipe(
 *       updateStateByKey((visits, total: number | undefined) => (total ?? 0) + visits.length, { id: 'visits' }),
 *       foreachBatch((totals) => console.log(JSON.stringify(totals))),
 *     )
 *     .subscribe({ complete: end });
 * run(() => run(() => console.log('nothing is left to do')));
 * // => [["ann",1]]
 * // => [["ann",2]]
 * // => nothing is left to do
 * ```
 */
export function lmdbCheckpoint(directory: string, options: LmdbCheckpointOptions = {}): Checkpoint {
  checkText('lmdbCheckpoint', 'directory', directory);
  checkOptions('lmdbCheckpoint', options, optionChecks);
  const { cacheKeys, verify } = options;
  const takeover = resolveTakeover(options);
  const location = resolve(directory);
  const command = (action: string) => directoryCommand(location, action);
  const open = (how?: OpenOptions) => {
    if (how?.salvage) return openDamaged(location, how.salvage, takeover(how));
    return openLmdb(location, { cacheKeys, verify }, undefined, takeover(how)).catch((error: unknown) => {
      throw withSalvageHint(error, { command });
    });
  };
  return {
    location,
    command,
    open: (how) => defer(() => open(how)),
  };
}

interface LmdbOpening {
  readonly cacheKeys: number | undefined;
  readonly verify: 'pages' | undefined;
}

/** Opens a directory, on a file system that a test can bring to count what is read of the data file beforehand. */
export function openLmdb(
  location: string,
  options: LmdbOpening,
  fs?: Pick<FileSystem, 'open'>,
  acquisition?: Acquisition,
): Promise<CheckpointSession> {
  const open = (directory: LockedDirectory) => openLocked(directory, options, fs);
  return LockedDirectory.open(location, 'checkpoint', open, privateFileSystem, acquisition);
}

function openDamaged(location: string, salvage: Salvage, acquisition: Acquisition): Promise<CheckpointSession> {
  const open = async (directory: LockedDirectory) => {
    const restored = await salvageLmdb(location, salvage);
    return readOnlySession(location, restored, () => directory.release());
  };
  return LockedDirectory.open(location, 'checkpoint', open, privateFileSystem, acquisition);
}

async function openLocked(
  directory: LockedDirectory,
  { cacheKeys, verify }: LmdbOpening,
  fs: Pick<FileSystem, 'open'> | undefined,
): Promise<CheckpointSession> {
  // Without a cache all values are read next, and their checksums with them.
  const check = { pages: verify === 'pages', values: cacheKeys !== undefined };
  const store = await LmdbStore.open(directory.location, check, fs);
  try {
    return new LmdbSession(store, directory, cacheKeys);
  } catch (error) {
    await store.close();
    throw error;
  }
}
