import { resolve } from 'node:path';
import { defer, from } from 'rxjs';
import { InvalidOptionError } from '../../batch/errors.js';
import { checkPositiveInteger } from '../../options/checks.js';
import { openDirectory } from '../../storage/openDirectory.js';
import type { Checkpoint, CheckpointSession } from '../checkpoint.js';
import { LmdbSession } from './lmdbSession.js';
import { LmdbStore } from './lmdbStore.js';

export interface LmdbCheckpointOptions {
  /**
   * How many keys of each state are held in memory, the most recently used; all of them are on disk. Without it states live
   * in memory, which is faster, and must fit there.
   */
  readonly cacheKeys?: number;
  /**
   * Whether all pages of the file are looked at before it is opened, so that a damaged one is refused. It takes as long as the
   * file takes to be read. Without it a file of any size opens at once when there are `cacheKeys`; a damaged page may then end the
   * process by a signal, and a key that was damaged may be taken for a new one.
   *
   * @default true
   */
  readonly verify?: boolean;
}

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
 * directory writes nothing more, and fails with a `FencedError`. State may be whatever the structured clone algorithm can
 * copy; it is kept with a checksum.
 *
 * @throws {InvalidOptionError} when the directory is empty, `cacheKeys` is no positive integer, or `verify` no boolean
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
  const { cacheKeys, verify = true } = options;
  if (typeof directory !== 'string' || directory === '') {
    throw new InvalidOptionError('lmdbCheckpoint', 'directory', directory, 'must be a non-empty path');
  }
  if (cacheKeys !== undefined) checkPositiveInteger('lmdbCheckpoint', 'cacheKeys', cacheKeys);
  if (typeof verify !== 'boolean') {
    throw new InvalidOptionError('lmdbCheckpoint', 'verify', verify, 'must be true or false');
  }
  const location = resolve(directory);
  return {
    location,
    open: () => defer(() => from(openDirectory(location, 'checkpoint', () => open(location, cacheKeys, verify)))),
  };
}

async function open(location: string, cacheKeys: number | undefined, verify: boolean): Promise<CheckpointSession> {
  // Without hot keys all values are read, which looks at their checksums.
  const store = await LmdbStore.open(location, { pages: verify, values: cacheKeys !== undefined });
  try {
    return new LmdbSession(store, cacheKeys);
  } catch (error) {
    await store.close();
    throw error;
  }
}
