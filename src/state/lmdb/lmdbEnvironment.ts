import { chmod, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, GetOptions, RangeOptions, RootDatabase, Transaction } from 'lmdb';
import { CorruptCheckpointError, FencedError, TimedOutError } from '../../batch/errors.js';
import type { FileSystem } from '../../storage/fileSystem.js';
import { privateFileMode } from '../../storage/privateFileSystem.js';
import { type Check, checkFiles } from './checkFiles.js';
import { DataFile, type Volume } from './dataFile.js';
import { commitErrorOf, reading } from './lmdbErrors.js';
import { loadLmdb } from './loadLmdb.js';

const commitTimeoutMs = 60_000;
/** A new directory takes fewer transactions until it has an owner. */
const maxOpeningTransactions = 8n;
/** Bytes that LMDB has for an entry beside its key and value. */
const entryOverheadBytes = 16;
const ownerKey = Buffer.from('owner');

const binary = { encoding: 'binary', keyEncoding: 'binary' } as const;

const options = {
  ...binary,
  maxDbs: 8,
  noSubdir: false,
  // Batching by turns makes a promise that nobody gets: when a commit fails, it would end the process.
  eventTurnBatching: false,
  // A transaction is seen when it is durable, not before. With a sync of its own for later, one that fails there is seen and
  // not durable, and the environment can never be closed again.
  overlappingSync: false,
};

/** What a directory is opened as. */
export interface OpenedFiles {
  readonly directory: string;
  readonly env: RootDatabase<Buffer, Buffer>;
  readonly file: DataFile;
  /** The number of the last transaction; 0 where the directory is new. */
  readonly transactions: bigint;
}

/** Opens a directory; what is opened is closed again where `make` fails. */
export async function openFiles<S>(
  directory: string,
  check: Check,
  fs: Pick<FileSystem, 'open'> | undefined,
  make: (files: OpenedFiles) => Promise<S>,
): Promise<S> {
  const { open } = await loadLmdb();
  const transactions = await checkFiles(directory, check, fs);
  const existing = await readdir(directory);
  const env = reading(directory, () => open<Buffer, Buffer>(directory, options));
  let file: DataFile | undefined;
  try {
    // LMDB lets everybody read what it creates.
    for (const name of ['data.mdb', 'lock.mdb']) {
      if (!existing.includes(name)) await chmod(join(directory, name), privateFileMode);
    }
    file = await DataFile.open(directory);
    await file.makeRoom({ writes: 0, bytes: 0 });
    return await make({ directory, env, file, transactions });
  } catch (error) {
    await file?.close();
    await env.close();
    throw error;
  }
}

/** An environment of LMDB in a directory, which one at a time writes: the one that has begun its newest epoch. */
export class LmdbEnvironment {
  readonly directory: string;
  readonly #env: RootDatabase<Buffer, Buffer>;
  readonly #file: DataFile;
  readonly #owner: Database<Buffer, Buffer>;
  readonly #isNew: boolean;
  #epoch = 0;
  /** What the transaction that is being made will write, and how much that is. */
  #writes: (() => void)[] = [];
  #volume: Volume = { writes: 0, bytes: 0 };
  /** Of the write that was asked for last. */
  #last: Promise<void> = Promise.resolve();
  #closed = false;

  protected constructor({ directory, env, file, transactions }: OpenedFiles) {
    this.directory = directory;
    this.#env = env;
    this.#file = file;
    this.#owner = env.openDB('owner', { ...binary, useVersions: true });
    this.#isNew = this.#owner.getEntry(ownerKey) === undefined;
    if (this.#isNew && transactions > maxOpeningTransactions) throw this.damaged('it has no owner');
  }

  /** They are made before it has an owner: one that is not there then has been lost. */
  protected openDatabase(name: string): Database<Buffer, Buffer> {
    const howTo = { ...binary, create: this.#isNew };
    const database = this.#env.openDB<Buffer, Buffer>(name, howTo) as Database<Buffer, Buffer> | undefined;
    if (!database) throw this.damaged(`it has no ${name}`);
    return database;
  }

  protected damaged(reason: string): CorruptCheckpointError {
    return new CorruptCheckpointError(join(this.directory, 'data.mdb'), 0, reason);
  }

  /** Fences the epochs before it. */
  protected async beginEpoch(): Promise<void> {
    for (;;) {
      const before = reading(this.directory, () => this.#owner.getEntry(ownerKey)?.version);
      if (!Number.isSafeInteger(before ?? 0)) throw this.damaged(`its epoch is ${before}`);
      this.#epoch = (before ?? 0) + 1;
      const begin = () => void this.#owner.put(ownerKey, Buffer.alloc(0), this.#epoch);
      const begun =
        before === undefined ? this.#owner.ifNoExists(ownerKey, begin) : this.#owner.ifVersion(ownerKey, before, begin);
      if (await this.#settled(begun)) return;
      this.#env.resetReadTxn();
    }
  }

  /**
   * Makes all the writes of `action` in one transaction, off this thread; durable when it settles. One after the other: when
   * one has failed nothing more is written, as LMDB may never answer then.
   *
   * @throws {FencedError} when another has begun an epoch: nothing was written then
   */
  protected async transact(action: () => void): Promise<void> {
    const before = this.#last;
    const done = before.then(() => within(commitTimeoutMs, this.directory, this.#commit(action)));
    this.#last = done;
    await done;
    this.#env.resetReadTxn();
  }

  async #commit(action: () => void): Promise<void> {
    const writes: (() => void)[] = [];
    this.#writes = writes;
    this.#volume = { writes: 0, bytes: 0 };
    // Noted first: what has been queued in a transaction is committed, even if the action throws on the way.
    action();
    // Asked again within the transaction: this is for one that was fenced long ago, and should not even make room.
    this.#env.resetReadTxn();
    if (this.#owner.getEntry(ownerKey)?.version !== this.#epoch) throw new FencedError(this.directory);
    await this.#file.makeRoom(this.#volume);
    const writeAll = () => {
      for (const one of writes) one();
    };
    if (!(await this.#settled(this.#owner.ifVersion(ownerKey, this.#epoch, writeAll))))
      throw new FencedError(this.directory);
  }

  #settled(commit: Promise<boolean>): Promise<boolean> {
    return commit.catch(async (error: unknown) => {
      throw await commitErrorOf(error, this.directory);
    });
  }

  // ---- within `transact`

  put(database: Database<Buffer, Buffer>, key: Buffer, value: Buffer): void {
    this.#writes.push(() => void database.put(key, value));
    this.#volume.writes++;
    this.#volume.bytes += key.length + value.length + entryOverheadBytes;
  }

  remove(database: Database<Buffer, Buffer>, key: Buffer): void {
    // A removal has a promise of its own, unlike the other writes of a transaction, and it fails with that.
    this.#writes.push(() => void database.remove(key).catch(() => {}));
    this.#volume.writes++;
  }

  // ---- reading

  /** @throws {CorruptCheckpointError} when LMDB finds that the file is damaged */
  get(database: Database<Buffer, Buffer>, key: Buffer, options?: GetOptions): Buffer | undefined {
    return reading(this.directory, () => database.get(key, options));
  }

  /** @throws {CorruptCheckpointError} when LMDB finds that the file is damaged */
  *range(database: Database<Buffer, Buffer>, options: RangeOptions): IterableIterator<{ key: Buffer; value: Buffer }> {
    const entries = reading(this.directory, () => database.getRange(options)[Symbol.iterator]());
    try {
      for (;;) {
        const { done, value } = reading(this.directory, () => entries.next());
        if (done) return;
        yield value;
      }
    } finally {
      entries.return?.();
    }
  }

  /** Reads by it see what is there now, until it is `done()`. */
  beginRead(): Transaction {
    this.#env.resetReadTxn();
    return this.#env.useReadTransaction();
  }

  /** Bytes of the file, as of the last write. */
  get bytes(): number | undefined {
    return this.#file.bytes;
  }

  get epoch(): number {
    return this.#epoch;
  }

  get closed(): boolean {
    return this.#closed;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#file.close();
    await this.#env.close();
  }
}

/** Should a commit get through later after all, it is whole, and fenced once the directory has been opened again. */
async function within(ms: number, directory: string, commit: Promise<void>): Promise<void> {
  const timer = new AbortController();
  const late = sleep(ms, undefined, { signal: timer.signal }).then(() => {
    throw new TimedOutError(`committing to ${directory}`, ms);
  });
  try {
    await Promise.race([commit, late]);
  } finally {
    timer.abort();
    // What loses the race fails for nobody.
    late.catch(() => {});
    commit.catch(() => {});
  }
}
