import type { RecordView } from './recordView.js';

/** Records that a reader went past, as they came. Their bytes are held for as long as this is. */
export interface KeptRecords {
  readonly count: number;
  /** Bytes that are held, about. */
  readonly bytes: number;
  /** Gives each record to `visit`, in order. The view is valid during the call only. */
  read(visit: (view: RecordView) => void): void;
  /** Nobody reads it any more: its bytes may be used again. */
  release?(): void;
}

/**
 * Reads the records that one fetch brought for one partition, step by step, so that the event loop is never blocked for
 * long and surplus records can be kept for the next batch without a second fetch.
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
   * compaction are passed over, so it may move by more than the records given out.
   */
  readonly position: number;
  /** Where the next fetch starts once this reader is done. */
  readonly end: number;
  /** No record is left. */
  readonly done: boolean;
  /** Bytes held in memory for what is left. */
  readonly bytesLeft: number;
  /**
   * Makes the record batch at `position` readable: checks its CRC and decompresses it. Gives a promise only when it has
   * to wait; `undefined` means that `read` may be called now.
   *
   * @throws {MalformedRecordError} when the record batch is damaged; `skip` goes past it
   * @throws {UnsupportedCodecError} when its codec is not registered
   */
  load(): Promise<void> | undefined;
  /**
   * Gives records of the loaded record batch with offsets below `until`, at most `max` of them, to `visit`. Returns how
   * many. The view is valid during the call only. Whatever `visit` throws is passed on, with `position` behind the
   * record that it threw for.
   *
   * @throws {MalformedRecordError} when a record is damaged; `skip` goes past it
   */
  read(until: number, max: number, visit: (view: RecordView) => void): number;
  /**
   * As `read`, and gives the records that it went past to be gone through again; `undefined` when there are none. It may stop
   * before `max`. A reader without this has each of its records decoded at once.
   */
  keep?(until: number, max: number, visit: (view: RecordView) => void): KeptRecords | undefined;
  /** After a `MalformedRecordError`: goes past what cannot be read. Returns the first offset and the one after the last. */
  skip(): { readonly from: number; readonly until: number };
  /** It is done, and nobody asks it for anything any more: its bytes may be used again. */
  release?(): void;
}
