import { EMPTY, type ObservableInput } from 'rxjs';
import { Fifo } from '../../collections/fifo.js';
import type { BlockRange } from './blockGenerator.js';
import { bytesWithin, type EncodedBlock } from './encodedBlocks.js';
import type { RecordStore } from './recordStore.js';

interface PlannedRecords<T> {
  readonly read: () => readonly T[];
  readonly bytes: number;
}

/** The storage level `'memory'`. */
export class MemoryStore<T> implements RecordStore<T> {
  readonly diskBytes = 0;
  readonly unstored = 0;
  readonly #maxBytes: number;
  /** Come before all that waits. */
  readonly #encoded = new Fifo<EncodedBlock<T>>();
  readonly #waiting = new Fifo<T>();
  readonly #sizes = new Fifo<number>();
  /** What batches have taken and not read, by the first offset. */
  readonly #planned = new Map<number, PlannedRecords<T>>();
  /** A block of which batches have read a part. */
  #decoded: { readonly block: EncodedBlock<T>; readonly records: readonly T[] } | undefined;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get memoryBytes(): number {
    return this.#bytes;
  }

  get room(): boolean {
    return this.#bytes < this.#maxBytes;
  }

  push(records: readonly T[], sizes: readonly number[], stored?: () => void): void {
    for (const record of records) this.#waiting.push(record);
    for (const size of sizes) {
      this.#sizes.push(size);
      this.#bytes += size;
    }
    stored?.();
  }

  /** Adds a block of a log, behind others and before anything is pushed. */
  pushEncoded(block: EncodedBlock<T>): void {
    this.#encoded.push(block);
    this.#bytes += block.bytes;
  }

  endBlock(): void {}

  dropOldest(): void {
    this.#waiting.shift();
    this.#bytes -= this.#sizes.shift() ?? 0;
  }

  /** All of them are in memory already. */
  countWithin(): number {
    return Infinity;
  }

  plan({ from, until }: BlockRange): void {
    const parts: (() => readonly T[])[] = [];
    let bytes = 0;
    let offset = from;
    for (let block = this.#encoded.first; block && offset < until; block = this.#encoded.first) {
      const end = Math.min(block.until, until);
      parts.push(this.#partOf(block, offset, end));
      bytes += bytesWithin(block, { from: offset, until: end });
      if (end === block.until) this.#encoded.shift();
      offset = end;
    }
    const records: T[] = [];
    for (; offset < until; offset++) {
      records.push(this.#waiting.shift() as T);
      bytes += this.#sizes.shift() ?? 0;
    }
    const read = () => [...parts.flatMap((part) => part()), ...records];
    this.#planned.set(from, { read: parts.length === 0 ? () => records : read, bytes });
  }

  /** What was planned before a restart, and came back from a log. */
  recover(from: number, bytes: number, read: () => readonly T[]): void {
    this.#planned.set(from, { read, bytes });
    this.#bytes += bytes;
  }

  fetch({ from }: BlockRange): readonly T[] {
    const planned = this.#planned.get(from);
    if (!planned) return [];
    this.#planned.delete(from);
    this.#bytes -= planned.bytes;
    return planned.read();
  }

  discard(range: BlockRange): void {
    this.fetch(range);
  }

  close(): ObservableInput<unknown> {
    return EMPTY;
  }

  #partOf(block: EncodedBlock<T>, begin: number, end: number): () => readonly T[] {
    return () => {
      const records = this.#decoded?.block === block ? this.#decoded.records : block.read();
      this.#decoded = end < block.until ? { block, records } : undefined;
      return records.slice(begin - block.from, end - block.from);
    };
  }
}
