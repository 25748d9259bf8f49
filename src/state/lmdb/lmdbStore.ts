import { setTimeout as sleep } from 'node:timers/promises';
import type { Database, RootDatabase, Transaction } from 'lmdb';
import { CorruptCheckpointError, FencedError, TimedOutError } from '../../batch/errors.js';
import type { Key } from '../../batch/key.js';
import type { PlannedBatch, SavedBatch } from '../checkpoint.js';
import { keyToBytes, longest, lookupBytes } from '../node/keyBytes.js';
import { valueFromBytes, valueToBytes } from './lmdbEntry.js';

// Five databases of one LMDB environment:
//   owner     one entry, whose version is the epoch: every write is made on condition that it still has it
//   progress  format; progress of the last saved batch; planned batches by time
//   states    what each state was saved as, and its number, by id
//   entries   the state of a key, by number of the state and bytes of the key
//   order     bytes of the key, by number of the state and age of the key

const format = 1;
/** ms. */
const commitTimeout = 60_000;
const ownerKey = Buffer.from('owner');
const formatKey = Buffer.from('format');
const progressKey = Buffer.from('progress');
const plannedStart = Buffer.from('planned ');
const plannedEnd = Buffer.from('planned!');

export type LmdbProgress = Omit<SavedBatch, 'changes'>;

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

/** Bytes where they stand, until the next are read. */
export interface Slice {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

/** Gives keys and values without a copy of each, for a walk over millions of them. */
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

/** A directory of LMDB, owned for one epoch. */
export class LmdbStore {
  readonly directory: string;
  readonly entries: Database<Buffer, Buffer>;
  readonly order: Database<Buffer, Buffer>;
  readonly #slices: Database<Slice, Buffer>;
  readonly #env: RootDatabase<Buffer, Buffer>;
  readonly #owner: Database<Buffer, Buffer>;
  readonly #progress: Database<Buffer, Buffer>;
  readonly #states: Database<Buffer, Buffer>;
  #epoch = 0;
  /** What the transaction that is being made will write. */
  #writes: (() => void)[] = [];
  #closed = false;

  private constructor(directory: string, env: RootDatabase<Buffer, Buffer>) {
    this.directory = directory;
    this.#env = env;
    this.#owner = env.openDB('owner', { ...binary, useVersions: true });
    this.#progress = env.openDB('progress', binary);
    this.#states = env.openDB('states', binary);
    this.entries = env.openDB('entries', binary);
    this.#slices = env.openDB('entries', slices as object) as unknown as Database<Slice, Buffer>;
    this.order = env.openDB('order', binary);
  }

  /** Begins a new epoch, which fences those before it. */
  static async open(directory: string): Promise<LmdbStore> {
    const { open } = await import('lmdb');
    // Batching by turns makes a promise that nobody gets: when a commit fails, it would end the process.
    const options = { ...binary, maxDbs: 8, noSubdir: false, eventTurnBatching: false };
    const store = new LmdbStore(directory, open<Buffer, Buffer>(directory, options));
    try {
      store.#checkFormat();
      await store.#beginEpoch();
      return store;
    } catch (error) {
      await store.close();
      throw error;
    }
  }

  #checkFormat(): void {
    const bytes = this.#progress.get(formatKey);
    const found = bytes === undefined ? format : valueFromBytes(bytes, this.directory);
    if (found === format) return;
    const reason = `it has format ${String(found)}, and only format ${format} can be read`;
    throw new CorruptCheckpointError(this.directory, 0, reason);
  }

  async #beginEpoch(): Promise<void> {
    for (;;) {
      const before = this.#owner.getEntry(ownerKey)?.version;
      this.#epoch = (before ?? 0) + 1;
      const begin = () => void this.#owner.put(ownerKey, Buffer.alloc(0), this.#epoch);
      const begun =
        before === undefined ? this.#owner.ifNoExists(ownerKey, begin) : this.#owner.ifVersion(ownerKey, before, begin);
      if (await begun) return;
      this.#env.resetReadTxn();
    }
  }

  /**
   * Makes all the writes of `action` in one transaction, off this thread; durable when it settles.
   *
   * @throws {FencedError} when another has begun an epoch: nothing was written then
   */
  async write(action: () => void): Promise<void> {
    await within(commitTimeout, this.directory, this.#commit(action));
    this.#env.resetReadTxn();
  }

  async #commit(action: () => void): Promise<void> {
    const writes: (() => void)[] = [];
    this.#writes = writes;
    // Noted first: what has been queued in a transaction is committed, even if the action throws on the way.
    action();
    const writeAll = () => {
      for (const one of writes) one();
    };
    const written = await this.#owner.ifVersion(ownerKey, this.#epoch, writeAll).catch(async (error: unknown) => {
      throw await reasonOf(error);
    });
    if (!written) throw new FencedError(this.directory);
    await this.#env.flushed;
  }

  // ---- within `write`

  put(database: Database<Buffer, Buffer>, key: Buffer, value: Buffer): void {
    this.#writes.push(() => void database.put(key, value));
  }

  remove(database: Database<Buffer, Buffer>, key: Buffer): void {
    // A removal has a promise of its own, unlike the other writes of a transaction, and it fails with that.
    this.#writes.push(() => void database.remove(key).catch(() => {}));
  }

  putProgress(progress: LmdbProgress): void {
    this.put(this.#progress, formatKey, valueToBytes(format));
    this.put(this.#progress, progressKey, valueToBytes(progress));
    for (const { time } of this.planned()) if (time <= progress.time) this.remove(this.#progress, plannedKey(time));
  }

  putPlanned(planned: PlannedBatch): void {
    this.put(this.#progress, formatKey, valueToBytes(format));
    this.put(this.#progress, plannedKey(planned.time), valueToBytes(planned));
  }

  putState(id: string, record: LmdbStateRecord): void {
    this.put(this.#states, Buffer.from(id), valueToBytes(record));
  }

  // ---- reading

  progress(): LmdbProgress | undefined {
    const bytes = this.#progress.get(progressKey);
    return bytes && (valueFromBytes(bytes, this.directory) as LmdbProgress);
  }

  planned(): PlannedBatch[] {
    const range = this.#progress.getRange({ start: plannedStart, end: plannedEnd });
    return [...range].map(({ value }) => valueFromBytes(value, this.directory) as PlannedBatch);
  }

  states(): Map<string, LmdbStateRecord> {
    const records = [...this.#states.getRange({})];
    return new Map(
      records.map(({ key, value }) => [key.toString(), valueFromBytes(value, this.directory) as LmdbStateRecord]),
    );
  }

  /** The entries of a state in the order of the tree: each is valid until the next is asked for. */
  entriesOf(state: number): Iterable<{ readonly key: Slice; readonly value: Slice }> {
    return this.#slices.getRange(rangeOf(state)) as unknown as Iterable<{ key: Slice; value: Slice }>;
  }

  /** Reads by it see what is there now, until it is `done()`. */
  beginRead(): Transaction {
    this.#env.resetReadTxn();
    return this.#env.useReadTransaction();
  }

  get closed(): boolean {
    return this.#closed;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#env.close();
  }
}

/**
 * On a full disk the binding to LMDB may never settle a commit. Should it get through later after all, it is whole, and
 * fenced once the directory has been opened again.
 */
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

/** Of a commit that failed LMDB tells the reason a moment later. */
async function reasonOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { readonly commitError?: Promise<unknown> };
  if (commitError === undefined) return error;
  const reason = commitError.then(
    () => error,
    (cause: unknown) => cause,
  );
  return Promise.race([reason, sleep(1_000, error)]);
}

/** In order of time: shifted, so that negative times come first. */
function plannedKey(time: number): Buffer {
  const bytes = Buffer.alloc(plannedStart.length + 8);
  plannedStart.copy(bytes);
  bytes.writeBigUInt64BE(BigInt.asUintN(64, BigInt(time) + 2n ** 63n), plannedStart.length);
  return bytes;
}

/** The key of an entry: the number of its state, then the bytes of its key. */
export function entryKey(state: number, key: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(4 + key.length);
  bytes.writeUInt32BE(state, 0);
  key.copy(bytes, 4);
  return bytes;
}

/** The same, of a key that is not bytes yet. */
export function entryKeyOf(state: number, key: Key): { readonly at: Buffer; readonly longKey: Buffer | undefined } {
  const at = keyToBytes(key, 4);
  if (at.length - 4 > longest) {
    const longKey = at.subarray(4);
    return { at: entryKey(state, lookupBytes(longKey)), longKey };
  }
  at.writeUInt32BE(state, 0);
  return { at, longKey: undefined };
}

export function orderKey(state: number, seq: number): Buffer {
  const bytes = Buffer.allocUnsafe(10);
  bytes.writeUInt32BE(state, 0);
  bytes.writeUIntBE(seq, 4, 6);
  return bytes;
}

/** All keys of a state, for a range. */
export function rangeOf(state: number): { readonly start: Buffer; readonly end: Buffer } {
  return { start: entryKey(state, Buffer.alloc(0)), end: entryKey(state + 1, Buffer.alloc(0)) };
}
