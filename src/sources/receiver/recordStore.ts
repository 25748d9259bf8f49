import type { ObservableInput } from 'rxjs';
import type { BlockRange } from './blockGenerator.js';

/** Where received records are until their batch is read. Offsets go on without a gap. */
export interface RecordStore<T> {
  /** Bytes of records in memory. */
  readonly memoryBytes: number;
  /** Bytes of records that are on disk only. */
  readonly diskBytes: number;
  /** Records that are on their way to the disk. */
  readonly unstored: number;
  /** Whether another record may be pushed, as far as bytes go. */
  readonly room: boolean;
  /** Adds records behind all others. `stored` is called once they are stored at the level. */
  push(records: readonly T[], sizes: readonly number[], stored?: () => void): void;
  /** The records that were pushed so far are complete blocks. */
  endBlock(): void;
  /** Drops the first record that no batch has taken. */
  dropOldest(): void;
  /** How many records from an offset on, in whole blocks or parts of them, have at most `bytes` bytes; at least one. */
  countWithin(from: number, bytes: number): number;
  /** A batch has taken these records: the next ones that no batch had. */
  plan(range: BlockRange): void;
  /** Returns the records of a planned range and forgets them. Fewer where some are lost. */
  fetch(range: BlockRange): readonly T[] | Promise<readonly T[]>;
  /** Forgets the records of a planned range. */
  discard(range: BlockRange): void;
  close(): ObservableInput<unknown>;
}
