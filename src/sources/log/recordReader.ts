import type { RecordView } from './recordView.js';

/** Where the record batches of a leader epoch begin. */
export interface EpochStart {
  /** The epoch: each leader of the partition has a higher one than those before it. */
  readonly leaderEpoch: number;
  /** The offset of the first record batch of the epoch. */
  readonly offset: number;
}

/** Records that a reader went past, not yet decoded. Their bytes stay in memory until they are released. */
export interface RetainedRecords {
  /** Number of records. */
  readonly count: number;
  /** Approximate number of bytes retained. */
  readonly bytes: number;
  /** Calls `visit` with each record, in order. The view is valid during the call only. */
  read(visit: (view: RecordView) => void): void;
  /** Nobody reads them any more: their bytes may be used again. */
  release?(): void;
}

/**
 * Reads the records that one fetch brought for one partition, step by step, so that the event loop is never blocked for
 * long and records that overshoot a batch stay for the next one without a second fetch.
 *
 *     while (!reader.done) {
 *       const loading = reader.load();              // checks and decompresses the next record batch
 *       if (loading) await loading;
 *       reader.read(until, 1_000, (view) => ...);   // decodes in place
 *     }
 */
export interface RecordReader {
  /**
   * The offset after everything read or passed over so far. Control records, aborted transactions and gaps left by
   * compaction are passed over, so it may move by more than the number of records handed out.
   */
  readonly position: number;
  /** Where the next fetch starts once this reader is done. */
  readonly end: number;
  /**
   * The largest timestamp, in ms since the epoch, of what was read or loaded so far: of a log of record batches, from their
   * headers. `undefined` where it is unknown.
   */
  readonly newestTimestamp?: number | undefined;
  /**
   * The leader epochs of the record batches, each with the first offset that has it, in order: of a log that knows them. Offsets rise, and
   * epochs do in a sound log.
   */
  readonly leaderEpochs?: readonly EpochStart[] | undefined;
  /**
   * How many records the fetch brought, as far as that is known before they are read: by it a source learns how sparse the log is.
   * Absent, it learns by reading.
   */
  readonly recordCount?: number | undefined;
  /** Bytes of the records read so far, after decompression. Absent, a source counts their keys and values. */
  readonly bytesRead?: number | undefined;
  /** No record is left. */
  readonly done: boolean;
  /** Bytes held in memory for what is left. */
  readonly bytesLeft: number;
  /**
   * Makes the record batch at `position` readable: checks its CRC and decompresses it. Returns a promise only when it has
   * to wait; `undefined` means that `read` may be called now.
   *
   * @throws {MalformedRecordError} when the record batch is damaged; `skip` goes past it
   * @throws {UnsupportedCodecError} when its codec is not registered
   */
  load(): Promise<void> | undefined;
  /**
   * Calls `visit` with the records of the loaded record batch whose offsets are below `until`, at most `max` of them, and returns
   * their number. The view is valid during the call only. What `visit` throws is passed on, with `position` after the record that
   * it threw for.
   *
   * @throws {MalformedRecordError} when a record is damaged; `skip` goes past it
   */
  read(until: number, max: number, visit: (view: RecordView) => void): number;
  /**
   * Like `read`, and returns the records for a second pass; `undefined` when there is no record. It may stop before `max`. The records
   * of a reader without this method are decoded at once.
   */
  retain?(until: number, max: number, visit: (view: RecordView) => void): RetainedRecords | undefined;
  /** After a `MalformedRecordError`: goes past what cannot be read, and returns its first offset and the one after its last. */
  skip(): { readonly from: number; readonly until: number };
  /** Nobody uses the reader any more: its bytes may be used again. */
  release?(): void;
}
