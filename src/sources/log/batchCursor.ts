import type { MalformedRecordError } from '../../batch/errors.js';
import type { FailedDecoding } from '../source.js';
import type { PartitionState } from './partitionState.js';
import type { PendingResults } from './pendingResults.js';
import type { RecordReader } from './recordReader.js';

/** Moves over what has been read ahead and turns it into the records of one batch. */
export interface BatchCursor<R> {
  /** Records in the batch so far. */
  readonly records: number;
  /** Records left out so far because they are invalid. */
  readonly skipped: Readonly<Record<'malformed' | 'deserialization', number>>;
  /** Records left out so far that cannot be deserialized, for the policy of the stream. */
  readonly failed: readonly FailedDecoding[];
  /** Bytes of the records moved over so far, after decompression. */
  readonly bytes: number;
  /** Time spent on decoding after the cursor had moved on, in ms. */
  readonly elapsed: number;
  /** What an Observer of invalid records has not finished yet: the batch waits for it. */
  readonly pending: PendingResults;
  /** The offset of each of these records, where offsets are kept. */
  offsetsOf(records: readonly R[]): readonly number[] | undefined;
  /** Moves `reader` over records below `until`, at most `max` of them, and appends the result to `target`. */
  advance(reader: RecordReader, until: number, max: number, state: PartitionState, target: R[]): void;
  /**
   * Goes past a malformed record batch.
   *
   * @throws {MalformedRecordError} when `invalidRecords` is `'error'`
   */
  skipMalformed(error: MalformedRecordError, reader: RecordReader): void;
  /** The batch has been dispatched: releases what was retained for that. */
  release(): void;
}
