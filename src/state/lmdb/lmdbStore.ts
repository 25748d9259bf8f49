import { chmod, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import type { Database, GetOptions, RangeOptions, RootDatabase, Transaction } from 'lmdb';
import { CorruptCheckpointError, FencedError, TimedOutError } from '../../batch/errors.js';
import type { FileSystem } from '../../storage/fileSystem.js';
import { privateFileMode } from '../../storage/privateFileSystem.js';
import type { PlannedBatch, SavedBatch } from '../checkpoint.js';
import { type Check, checkFiles } from './checkFiles.js';
import { DataFile, type Volume } from './dataFile.js';
import { checkedBytes, valueFits, valueFromBytes, valueToBytes } from './lmdbEntry.js';
import { commitErrorOf, reading } from './lmdbErrors.js';
import { ageKey, plannedKey, plannedRange, rangeOf } from './lmdbKeys.js';

// Five databases of one LMDB environment:
//   owner     one entry, whose version is the epoch: every write is made on condition that it still has it
//   progress  format; progress of the last saved batch; planned batches by time
//   states    what each state was saved as, and its number, by id
//   entries   the state of a key, by number of the state and bytes of the key
//   order     bytes of the key and a checksum, by number of the state and age of the key

const format = 1;
const commitTimeoutMs = 60_000;
/** A new directory takes fewer transactions until it has an owner. */
const maxOpeningTransactions = 8n;
/** Bytes that LMDB has for an entry beside its key and value. */
const entryOverheadBytes = 16;
const ownerKey = Buffer.from('owner');
const formatKey = Buffer.from('format');
const progressKey = Buffer.from('progress');

export type LmdbProgress = Omit<SavedBatch, 'changes' | 'dropped'>;

/** What a state was saved as. */
export interface LmdbStateRecord {
  readonly number: number;
  readonly operator: string;
  readonly signature: string;
  readonly version: number;
  /** How many keys it has. */
  readonly size: number;
  /** The age of the newest key. */
  readonly lastSeq: number;
}

const binary = { encoding: 'binary', keyEncoding: 'binary' } as const;

/** Bytes in place, valid until the next are read. */
export interface Slice {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Returns keys and values without a copy of each, for a walk over millions of them. */
const slices = {
  keyEncoder: {
    writeKey(key: Buffer, target: Buffer, at: number): number {
      target.set(key, at);
      return at + key.length;
    },
    readKey: (bytes: Buffer, start: number, end: number): Slice => ({ bytes, start, end }),
  },
  encoder: {
    encode: (value: Buffer) => value,
    decode: (bytes: Buffer, end: number): Slice => ({ bytes, start: 0, end }),
  },
} as const;

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

/** A directory of LMDB, owned for one epoch. */
export class LmdbStore {
  readonly directory: string;
  readonly entries: Database<Buffer, Buffer>;
  readonly #slices: Database<Slice, Buffer>;
  readonly #env: RootDatabase<Buffer, Buffer>;
  readonly #file: DataFile;
  readonly #owner: Database<Buffer, Buffer>;
  readonly #progress: Database<Buffer, Buffer>;
  readonly #states: Database<Buffer, Buffer>;
  readonly #order: Database<Buffer, Buffer>;
  #epoch = 0;
  /** What the transaction that is being made will write, and how much that is. */
  #writes: (() => void)[] = [];
  #volume: Volume = { writes: 0, bytes: 0 };
  /** Of the write that was asked for last. */
  #last: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(directory: string, env: RootDatabase<Buffer, Buffer>, file: DataFile, transactions: bigint) {
    this.directory = directory;
    this.#env = env;
    this.#file = file;
    this.#owner = env.openDB('owner', { ...binary, useVersions: true });
    const owned = this.#owner.getEntry(ownerKey) !== undefined;
    if (!owned && transactions > maxOpeningTransactions) throw this.#damaged('it has no owner');
    // They are made before it has an owner: one that is not there then has been lost.
    const others = { ...binary, create: !owned };
    const openDatabase = (name: string): Database<Buffer, Buffer> => {
      const database = env.openDB<Buffer, Buffer>(name, others) as Database<Buffer, Buffer> | undefined;
      if (!database) throw this.#damaged(`it has no ${name}`);
      return database;
    };
    this.#progress = openDatabase('progress');
    this.#states = openDatabase('states');
    this.entries = openDatabase('entries');
    this.#slices = env.openDB('entries', slices as object) as unknown as Database<Slice, Buffer>;
    this.#order = openDatabase('order');
  }

  /** Begins a new epoch, which fences those before it. */
  static async open(directory: string, check: Check = {}, fs?: Pick<FileSystem, 'open'>): Promise<LmdbStore> {
    const { open } = await import('lmdb');
    const transactions = await checkFiles(directory, check, fs);
    const existing = await readdir(directory);
    const env = reading(directory, () => open<Buffer, Buffer>(directory, options));
    let file: DataFile | undefined;
    try {
      // LMDB lets everybody read what it creates.
      for (const name of ['data.mdb', 'lock.mdb']) {
        if (!existing.includes(name)) await chmod(join(directory, name), privateFileMode);
      }
      const data = await DataFile.open(directory);
      file = data;
      await data.makeRoom({ writes: 0, bytes: 0 });
      const store = reading(directory, () => new LmdbStore(directory, env, data, transactions));
      store.#checkFormat();
      await store.#beginEpoch();
      return store;
    } catch (error) {
      await file?.close();
      await env.close();
      throw error;
    }
  }

  #checkFormat(): void {
    const bytes = this.get(this.#progress, formatKey);
    const found = bytes === undefined ? format : valueFromBytes(formatKey, bytes, this.directory);
    if (found !== format) throw this.#damaged(`it has format ${String(found)}, and only format ${format} can be read`);
    const keys = this.#countOf(this.#progress);
    if (bytes === undefined && keys > 0) throw this.#damaged('it has no format');
    if (!this.#has(this.#progress, keys)) throw this.#damaged('its progress is not whole');
    const states = this.#countOf(this.#states);
    if (!this.#has(this.#states, states)) throw this.#damaged('its states are not whole');
    if (states > 0 && this.get(this.#progress, progressKey) === undefined) throw this.#damaged('it has no progress');
    const [entries, order] = [this.#countOf(this.entries), this.#countOf(this.#order)];
    if (entries !== order) throw this.#damaged(`it has ${entries} keys, and ${order} by age`);
  }

  #countOf(database: Database<Buffer, Buffer>): number {
    const { entryCount } = reading(this.directory, () => database.getStats() as { readonly entryCount: number });
    return entryCount;
  }

  /** Damage may also make a circle of what is read, or a key that nobody looks up. */
  #has(database: Database<Buffer, Buffer>, count: number): boolean {
    let left = count;
    for (const { key, value } of this.range(database, {})) {
      if (--left < 0 || !valueFits(crc32(key), value)) return false;
    }
    return left === 0;
  }

  #damaged(reason: string): CorruptCheckpointError {
    return new CorruptCheckpointError(join(this.directory, 'data.mdb'), 0, reason);
  }

  async #beginEpoch(): Promise<void> {
    for (;;) {
      const before = reading(this.directory, () => this.#owner.getEntry(ownerKey)?.version);
      if (!Number.isSafeInteger(before ?? 0)) throw this.#damaged(`its epoch is ${before}`);
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
  async write(action: () => void): Promise<void> {
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

  // ---- within `write`

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

  /** Stores the age of a key, with its look-up bytes. */
  putAge(state: number, seq: number, lookup: Buffer): void {
    const at = ageKey(state, seq);
    this.put(this.#order, at, checkedBytes(at, lookup));
  }

  removeAge(state: number, seq: number): void {
    this.remove(this.#order, ageKey(state, seq));
  }

  putProgress(progress: LmdbProgress): void {
    this.#putValue(this.#progress, formatKey, format);
    this.#putValue(this.#progress, progressKey, progress);
    for (const { time } of this.planned()) if (time <= progress.time) this.remove(this.#progress, plannedKey(time));
  }

  putPlanned(planned: PlannedBatch): void {
    this.#putValue(this.#progress, formatKey, format);
    this.#putValue(this.#progress, plannedKey(planned.time), planned);
  }

  putState(id: string, record: LmdbStateRecord): void {
    this.#putValue(this.#states, Buffer.from(id), record);
  }

  /** Removes a state with all its keys. */
  removeState(id: string, number: number): void {
    for (const { key } of this.range(this.entries, rangeOf(number))) this.remove(this.entries, key);
    for (const { key } of this.range(this.#order, rangeOf(number))) this.remove(this.#order, key);
    this.remove(this.#states, Buffer.from(id));
  }

  #putValue(database: Database<Buffer, Buffer>, key: Buffer, value: unknown): void {
    this.put(database, key, valueToBytes(key, value));
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

  /** What the keys of a state are looked up by, oldest first. */
  *lookups(state: number, transaction?: Transaction): IterableIterator<Buffer> {
    const at = transaction && { transaction };
    const record = [...this.states(at).values()].find(({ number }) => number === state);
    let left = record?.size ?? 0;
    for (const { key, value } of this.range(this.#order, { ...rangeOf(state), ...at })) {
      if (!valueFits(crc32(key), value)) throw this.#damaged('the checksum of the age of a key does not fit');
      // More than there are, and there may be no end of them.
      if (--left < 0) throw this.#damaged('it has more ages than keys');
      yield Buffer.from(value.subarray(4));
    }
    if (left !== 0) throw this.#damaged(`the ages of ${left} keys are missing`);
  }

  progress(): LmdbProgress | undefined {
    const bytes = this.get(this.#progress, progressKey);
    return bytes && (valueFromBytes(progressKey, bytes, this.directory) as LmdbProgress);
  }

  planned(): PlannedBatch[] {
    const range = this.range(this.#progress, plannedRange);
    return [...range].map(({ key, value }) => valueFromBytes(key, value, this.directory) as PlannedBatch);
  }

  states(at: RangeOptions = {}): Map<string, LmdbStateRecord> {
    const records = [...this.range(this.#states, at)];
    return new Map(
      records.map(({ key, value }) => [key.toString(), valueFromBytes(key, value, this.directory) as LmdbStateRecord]),
    );
  }

  /** The entries of a state in the order of the tree: each is valid until the next is asked for. */
  entriesOf(state: number): Iterable<{ readonly key: Slice; readonly value: Slice }> {
    return this.range(this.#slices as never, rangeOf(state)) as unknown as Iterable<{ key: Slice; value: Slice }>;
  }

  /** Reads by it see what is there now, until it is `done()`. */
  beginRead(): Transaction {
    this.#env.resetReadTxn();
    return this.#env.useReadTransaction();
  }

  /** Bytes that this many entries take on disk, on average; `undefined` once it is closed. */
  bytesOf(entries: number): number | undefined {
    if (this.#closed) return undefined;
    const stats = reading(this.directory, () => this.entries.getStats() as Record<string, number>);
    const { pageSize = 0, treeBranchPageCount = 0, treeLeafPageCount = 0, overflowPages = 0, entryCount = 0 } = stats;
    const bytes = pageSize * (treeBranchPageCount + treeLeafPageCount + overflowPages);
    return Math.round((bytes * entries) / Math.max(entryCount, 1));
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
