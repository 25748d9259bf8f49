import { EMPTY, type ObservableInput } from 'rxjs';
import { Fifo } from '../../collections/fifo.js';
import type { BlockRange } from './blockGenerator.js';
import type { RecordStore } from './recordStore.js';

interface PlannedRecords<T> {
  readonly records: readonly T[];
  readonly bytes: number;
}

/** The storage level `'memory'`. */
export class MemoryStore<T> implements RecordStore<T> {
  readonly diskBytes = 0;
  readonly unstored = 0;
  readonly #maxBytes: number;
  readonly #waiting = new Fifo<T>();
  readonly #sizes = new Fifo<number>();
  /** What batches have taken and not read, by the first offset. */
  readonly #planned = new Map<number, PlannedRecords<T>>();
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
    const records: T[] = [];
    let bytes = 0;
    for (let offset = from; offset < until; offset++) {
      records.push(this.#waiting.shift() as T);
      bytes += this.#sizes.shift() ?? 0;
    }
    this.#planned.set(from, { records, bytes });
  }

  /** What was planned before a restart, and came back from a log. */
  recover(from: number, records: readonly T[], bytes: number): void {
    this.#planned.set(from, { records, bytes });
    this.#bytes += bytes;
  }

  fetch({ from }: BlockRange): readonly T[] {
    const planned = this.#planned.get(from);
    if (!planned) return [];
    this.#planned.delete(from);
    this.#bytes -= planned.bytes;
    return planned.records;
  }

  discard(range: BlockRange): void {
    this.fetch(range);
  }

  close(): ObservableInput<unknown> {
    return EMPTY;
  }
}
