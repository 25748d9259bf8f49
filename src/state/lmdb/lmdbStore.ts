import { crc32 } from 'node:zlib';
import type { Database, RangeOptions, Transaction } from 'lmdb';
import type { FileSystem } from '../../storage/fileSystem.js';
import type { PlannedBatch, SavedBatch } from '../checkpoint.js';
import type { Check } from './checkFiles.js';
import { checkedBytes, valueFits, valueFromBytes, valueToBytes } from './lmdbEntry.js';
import { LmdbEnvironment, type OpenedFiles, openFiles } from './lmdbEnvironment.js';
import { reading } from './lmdbErrors.js';
import { ageKey, plannedKey, plannedRange, rangeOf } from './lmdbKeys.js';
import { openSlices, rangeOfSlices, type Slice } from './lmdbSlices.js';

// Five databases of one LMDB environment:
//   owner     one entry, whose version is the epoch: every write is made on condition that it still has it
//   progress  format; progress of the last saved batch; planned batches by time
//   states    what each state was saved as, and its number, by id
//   entries   the state of a key, by number of the state and bytes of the key
//   order     bytes of the key and a checksum, by number of the state and age of the key

const format = 1;
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

/** A directory of LMDB, owned for one epoch. */
export class LmdbStore extends LmdbEnvironment {
  readonly entries: Database<Buffer, Buffer>;
  readonly #slices: Database<Slice, Buffer>;
  readonly #progress: Database<Buffer, Buffer>;
  readonly #states: Database<Buffer, Buffer>;
  readonly #order: Database<Buffer, Buffer>;

  private constructor(files: OpenedFiles) {
    super(files);
    this.#progress = this.openDatabase('progress');
    this.#states = this.openDatabase('states');
    this.entries = this.openDatabase('entries');
    this.#slices = openSlices(files, 'entries');
    this.#order = this.openDatabase('order');
  }

  /** Begins a new epoch, which fences those before it. */
  static open(directory: string, check: Check = {}, fs?: Pick<FileSystem, 'open'>): Promise<LmdbStore> {
    return openFiles(directory, check, fs, async (files) => {
      const store = reading(directory, () => new LmdbStore(files));
      store.#checkFormat();
      await store.beginEpoch();
      return store;
    });
  }

  /**
   * Makes all the writes of `action` in one transaction.
   *
   * @throws {FencedError} when another has begun an epoch: nothing was written then
   */
  write(action: () => void): Promise<void> {
    return this.transact(action);
  }

  #checkFormat(): void {
    const bytes = this.get(this.#progress, formatKey);
    const found = bytes === undefined ? format : valueFromBytes(formatKey, bytes, this.directory);
    if (found !== format) throw this.damaged(`it has format ${String(found)}, and only format ${format} can be read`);
    const keys = this.#countOf(this.#progress);
    if (bytes === undefined && keys > 0) throw this.damaged('it has no format');
    if (!this.#has(this.#progress, keys)) throw this.damaged('its progress is not whole');
    const states = this.#countOf(this.#states);
    if (!this.#has(this.#states, states)) throw this.damaged('its states are not whole');
    if (states > 0 && this.get(this.#progress, progressKey) === undefined) throw this.damaged('it has no progress');
    const [entries, order] = [this.#countOf(this.entries), this.#countOf(this.#order)];
    if (entries !== order) throw this.damaged(`it has ${entries} keys, and ${order} by age`);
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

  // ---- within `write`

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

  /** What the keys of a state are looked up by, oldest first. */
  *lookups(state: number, transaction?: Transaction): IterableIterator<Buffer> {
    const at = transaction && { transaction };
    const record = [...this.states(at).values()].find(({ number }) => number === state);
    let left = record?.size ?? 0;
    for (const { key, value } of this.range(this.#order, { ...rangeOf(state), ...at })) {
      if (!valueFits(crc32(key), value)) throw this.damaged('the checksum of the age of a key does not fit');
      // More than there are, and there may be no end of them.
      if (--left < 0) throw this.damaged('it has more ages than keys');
      yield Buffer.from(value.subarray(4));
    }
    if (left !== 0) throw this.damaged(`the ages of ${left} keys are missing`);
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
    return rangeOfSlices(this, this.#slices, rangeOf(state));
  }

  /** Bytes that this many entries take on disk, on average; `undefined` once it is closed. */
  bytesOf(entries: number): number | undefined {
    if (this.closed) return undefined;
    const stats = reading(this.directory, () => this.entries.getStats() as Record<string, number>);
    const { pageSize = 0, treeBranchPageCount = 0, treeLeafPageCount = 0, overflowPages = 0, entryCount = 0 } = stats;
    const bytes = pageSize * (treeBranchPageCount + treeLeafPageCount + overflowPages);
    return Math.round((bytes * entries) / Math.max(entryCount, 1));
  }
}
