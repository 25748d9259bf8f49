import { LRUCache } from 'lru-cache';
import { EMPTY, from, lastValueFrom, type ObservableInput, type SchedulerLike } from 'rxjs';
import { TimedOutError } from '../../batch/errors.js';
import { Fifo } from '../../collections/fifo.js';
import { Alarm } from './alarm.js';
import type { BlockRange } from './blockGenerator.js';
import type { RecordStore } from './recordStore.js';
import type { Block, ReadBlock, WriteAheadLogSession } from './writeAheadLog.js';

/** Records that are together in memory or on disk. */
interface Chunk<T> extends BlockRange {
  readonly from: number;
  until: number;
  bytes: number;
  /** `undefined` once they are on disk only. */
  records: T[] | undefined;
  /** Whether they are kept in memory until their batch is read. */
  readonly resident: boolean;
  readonly stored: (() => void)[];
}

export interface DiskStoreOptions {
  /** Bytes in memory. */
  readonly maxBytes: number;
  /** Whether the oldest records are kept in memory, as many as there is room for. */
  readonly keepsInMemory: boolean;
  /** Whether records are on disk already when they are pushed, because a write-ahead log has them. */
  readonly logged: boolean;
  readonly location: string;
  readonly storeTimeout: number;
  readonly scheduler: SchedulerLike;
  /** Called when a write or a read has failed: nothing is stored any more. */
  readonly failed: (error: unknown) => void;
  /** Called when there may be room again. */
  readonly written: () => void;
}

/** How large a chunk becomes, in bytes: what is read back at once, and what a batch takes at least. */
const chunkBytes = 1 << 20;

/**
 * The storage levels `'memory-and-disk'` and `'disk'`: what does not fit into memory is on disk only, the newest records first, as
 * the oldest ones are needed next. With a write-ahead log the log is the disk copy, and nothing is written twice.
 */
export class DiskStore<T> implements RecordStore<T> {
  readonly #session: WriteAheadLogSession;
  readonly #options: DiskStoreOptions;
  readonly #chunks = new Fifo<Chunk<T>>();
  /** Blocks that were read back: a batch may need a part of one only. */
  readonly #read: LRUCache<number, Block<T>>;
  /** Chunks that are being written, or are written. */
  readonly #writes = new WeakSet<Chunk<T>>();
  #end: number;
  #resident = 0;
  #spilling = 0;
  #unstored = 0;
  #disk = 0;
  #writing: Promise<void> = Promise.resolve();
  #reading: Promise<void> = Promise.resolve();
  #readings = 0;
  #closed = false;
  #hung = false;

  constructor(session: WriteAheadLogSession, firstOffset: number, options: DiskStoreOptions) {
    this.#session = session;
    this.#options = options;
    this.#end = firstOffset;
    this.#read = new LRUCache({ maxSize: Math.max(Math.floor(options.maxBytes / 4), 1) });
  }

  get memoryBytes(): number {
    return this.#resident + this.#spilling;
  }

  get diskBytes(): number {
    return this.#disk;
  }

  get unstored(): number {
    return this.#unstored;
  }

  get room(): boolean {
    // A quarter is for what is read back.
    return this.memoryBytes < 0.75 * this.#options.maxBytes;
  }

  push(records: readonly T[], sizes: readonly number[], stored?: () => void): void {
    for (const [i, record] of records.entries()) this.#add(record, sizes[i] ?? 0);
    const last = this.#chunks.last;
    if (stored && last && !last.resident && last.records) last.stored.push(stored);
    else stored?.();
    // Nothing more comes before there is room again.
    if (!this.room) this.endBlock();
  }

  /** Records that are on disk already, from a log that was opened. */
  recover(range: BlockRange, bytes: number): void {
    this.#chunks.push({ ...range, bytes, records: undefined, resident: false, stored: [] });
    this.#disk += bytes;
    this.#end = range.until;
  }

  /** What was gathered is written: no record waits for a chunk to become full. */
  endBlock(): void {
    const last = this.#chunks.last;
    if (last?.records && !last.resident) this.#spill(last);
  }

  dropOldest(): void {
    throw new Error('records on disk are not dropped');
  }

  countWithin(offset: number, bytes: number): number {
    let count = 0;
    let left = bytes;
    for (const chunk of this.#chunks) {
      if (chunk.until <= offset) continue;
      const from = Math.max(chunk.from, offset);
      const records = chunk.until - from;
      const size = (chunk.bytes * records) / (chunk.until - chunk.from);
      if (size > left) return Math.max(count + Math.floor((records * left) / size), 1);
      count += records;
      left -= size;
    }
    return Math.max(count, 1);
  }

  plan(): void {}

  /** One after the other: an earlier one may need what a later one would forget. */
  fetch(range: BlockRange): readonly T[] | Promise<readonly T[]> {
    if (this.#readings === 0) {
      const records = this.#fetchFromMemory(range);
      if (records) return records;
    }
    this.#readings++;
    const read = this.#reading.then(() => this.#fetchFromMemory(range) ?? this.#fetchFromDisk(range));
    this.#reading = read.then(
      () => void this.#readings--,
      () => void this.#readings--,
    );
    return read;
  }

  #fetchFromMemory(range: BlockRange): readonly T[] | undefined {
    const parts = this.#partsOf(range);
    if (!parts.every(({ records }) => records)) return undefined;
    const records = parts.flatMap((part) => recordsOf(part.from, part.records ?? [], range));
    this.#consume(range.until);
    return records;
  }

  discard({ until }: BlockRange): void {
    if (this.#readings === 0) this.#consume(until);
    else this.#reading = this.#reading.then(() => this.#consume(until));
  }

  close(): ObservableInput<unknown> {
    this.#closed = true;
    if (this.#options.logged) return EMPTY;
    const closed = from(
      this.#writing.then(() => lastValueFrom(from(this.#session.close()), { defaultValue: undefined })),
    );
    if (!this.#hung) return closed;
    // A disk that does not answer would keep back the error that says so.
    closed.subscribe({ error: () => {} });
    return EMPTY;
  }

  #add(record: T, size: number): void {
    const { keepsInMemory, logged, maxBytes } = this.#options;
    // The other half of the memory is for what is on its way to the disk or back.
    const resident = keepsInMemory && this.#resident + size <= maxBytes / 2;
    let chunk = this.#chunks.last;
    if (
      !chunk ||
      chunk.resident !== resident ||
      chunk.bytes >= chunkBytes ||
      (!logged && (!chunk.records || this.#writes.has(chunk)))
    ) {
      if (chunk?.records && !chunk.resident) this.#spill(chunk);
      const records = resident || !logged ? [] : undefined;
      chunk = { from: this.#end, until: this.#end, bytes: 0, records, resident, stored: [] };
      this.#chunks.push(chunk);
    }
    this.#end++;
    chunk.until = this.#end;
    chunk.bytes += size;
    chunk.records?.push(record);
    if (resident) this.#resident += size;
    else if (logged) this.#disk += size;
    else {
      this.#spilling += size;
      this.#unstored++;
    }
  }

  /** Writes a chunk; until it is written its records are in memory. */
  #spill(chunk: Chunk<T>): void {
    const records = chunk.records;
    if (!records || this.#writes.has(chunk)) return;
    this.#writes.add(chunk);
    this.#writing = this.#writing.then(async () => {
      if (this.#closed) return;
      try {
        await this.#append({ from: chunk.from, records });
        this.#spilled(chunk, records.length);
      } catch (error) {
        this.#closed = true;
        this.#options.failed(error);
      }
    });
  }

  #spilled(chunk: Chunk<T>, count: number): void {
    this.#spilling -= chunk.bytes;
    this.#unstored -= count;
    // It may have been read meanwhile.
    if (chunk.records) this.#disk += chunk.bytes;
    chunk.records = undefined;
    for (const notify of chunk.stored) notify();
    this.#options.written();
  }

  async #append(block: Block<T>): Promise<void> {
    const { scheduler, storeTimeout, location } = this.#options;
    const written = lastValueFrom(from(this.#session.append(block)), { defaultValue: undefined });
    if (storeTimeout === Infinity) return void (await written);
    let late: Alarm | undefined;
    const until = block.from + block.records.length;
    const what = `writing records ${block.from} to ${until} to ${location}`;
    const timeout = new Promise<never>((_, reject) => {
      late = new Alarm(scheduler, storeTimeout, () => {
        this.#hung = true;
        reject(new TimedOutError(what, storeTimeout));
      });
    });
    try {
      await Promise.race([written, timeout]);
    } finally {
      late?.cancel();
    }
  }

  #partsOf(range: BlockRange): readonly Chunk<T>[] {
    return [...this.#chunks].filter(({ from: first, until }) => first < range.until && until > range.from);
  }

  async #fetchFromDisk(range: BlockRange): Promise<readonly T[]> {
    const parts = this.#partsOf(range);
    const records: T[] = [];
    for (const { from: first, until, records: held } of parts) {
      if (held) {
        for (const record of recordsOf(first, held, range)) records.push(record);
        continue;
      }
      const end = Math.min(until, range.until);
      for (let offset = Math.max(first, range.from); offset < end; ) {
        const block = await this.#block(offset);
        for (const record of recordsOf(block.from, block.records, { from: offset, until: end })) records.push(record);
        offset = block.from + block.records.length;
      }
    }
    this.#consume(range.until);
    return records;
  }

  /** The block on disk that has this record. */
  async #block(offset: number): Promise<Block<T>> {
    for (const block of this.#read.values()) {
      if (block.from <= offset && offset < block.from + block.records.length) return block;
    }
    const { read } = this.#session;
    if (!read) throw new Error('the log cannot read blocks back');
    const { block, bytes } = (await read.call(this.#session, offset)) as ReadBlock<T>;
    this.#read.set(block.from, block, { size: Math.max(bytes, 1) });
    return block;
  }

  /** The records before `until` are not needed any more. */
  #consume(until: number): void {
    while (this.#chunks.first !== undefined && this.#chunks.first.until <= until) {
      const chunk = this.#chunks.shift() as Chunk<T>;
      if (chunk.resident) this.#resident -= chunk.bytes;
      else if (!chunk.records) this.#disk -= chunk.bytes;
      else if (!this.#writes.has(chunk)) this.#unspilled(chunk, chunk.records.length);
      else chunk.records = undefined;
    }
    if (this.#options.logged) return;
    from(this.#session.release(until)).subscribe({ error: (error) => this.#options.failed(error) });
  }

  /** A batch was faster than the disk: nothing needs to be written. */
  #unspilled(chunk: Chunk<T>, count: number): void {
    this.#writes.add(chunk);
    this.#spilling -= chunk.bytes;
    this.#unstored -= count;
    for (const notify of chunk.stored) notify();
  }
}

/** The records of a range, of those that begin at `first`. */
function recordsOf<T>(first: number, records: readonly T[], { from: start, until }: BlockRange): readonly T[] {
  return records.slice(Math.max(start - first, 0), Math.max(until - first, 0));
}
