import type { ObservableInput } from 'rxjs';

/** Where receivers go on after a record. */
export interface BlockPositions {
  /** Offset after the record. */
  readonly until: number;
  /** What each receiver last said, by its number; an empty string before that. */
  readonly positions: readonly string[];
}

/** Records that arrived one after the other. */
export interface Block<T> {
  /** Offset of the first: records are numbered in the order in which they arrived. */
  readonly from: number;
  /** In the order in which they arrived. */
  readonly records: readonly T[];
  /** When the last of them arrived, in ms of the stream's clock; `undefined` where it was not kept. */
  readonly time?: number | undefined;
  /**
   * Where the receivers go on after some of the records, in order. A log that writes a part of them alone keeps at least the last that
   * belongs to the part. `undefined` where no receiver has said so.
   */
  readonly positions?: readonly BlockPositions[] | undefined;
}

/** Where a block is kept, without its records. */
export interface StoredBlock {
  /** Offset of the first record. */
  readonly from: number;
  /** Offset after the last record. */
  readonly until: number;
  /** Bytes on disk. */
  readonly bytes: number;
  /** When the last of them arrived, in ms of the stream's clock; `undefined` where it was not kept. */
  readonly time?: number | undefined;
  /**
   * Where the receivers go on after some of the records, in order. A log that writes a part of them alone keeps at least the last that
   * belongs to the part. `undefined` where no receiver has said so.
   */
  readonly positions?: readonly BlockPositions[] | undefined;
}

/** A block that was read back. */
export interface ReadBlock<T> {
  /** The block. */
  readonly block: Block<T>;
  /** Its bytes on disk. */
  readonly bytes: number;
}

/** What the checkpoint knows of a receiver when its log is opened, as offsets of the next record. */
export interface WriteAheadLogRequest {
  /** Records before it belong to saved batches: nobody asks for them any more. */
  readonly saved: number;
  /** Records before it belong to saved or planned batches. At least `saved`. */
  readonly planned: number;
  /** The stream's clock, in ms: how old a segment is. Default: segments have no age. */
  readonly now?: (() => number) | undefined;
  /** Called when the log is in use by another stream and is waited for, with the reason. Default: nothing is called. */
  readonly waiting?: ((reason: string) => void) | undefined;
  /** Ends the wait for a log that is in use. Default: nothing does. */
  readonly signal?: AbortSignal | undefined;
  /** Whether `stored` and `read` are called instead of `recovered`: the records are not to be in memory all at once. */
  readonly lazy?: boolean | undefined;
}

/**
 * An opened log of one receiver. A stream calls `append` when the call before has completed, with records that continue where the last block
 * ended. The logs of this library write blocks that are appended side by side one after the other, and refuse a block that does not continue
 * there with a `CheckpointError`.
 */
export interface WriteAheadLogSession {
  /**
   * Returns the blocks that hold records from `saved` on, in order: what was durable when the log was closed or its process
   * died. Called once: the log does not keep them in memory. Where `stored` says the same blocks, the records of a block may be decoded
   * each time that they are asked for: then they need no memory before their batch.
   */
  recovered(): readonly Block<unknown>[];
  /** What `recovered` returns, without the records; needed if the log was opened with `lazy`. */
  stored?(): readonly StoredBlock[];
  /** Reads the block back that has the record with this offset. Needed by the storage levels that use the disk. */
  read?(offset: number): Promise<ReadBlock<unknown>>;
  /**
   * Checks that a record can be read back once it is written. Called before the record is appended. Default: every record can.
   *
   * @throws {InvalidRecordError} when the record cannot be read back as it is
   */
  check?(record: unknown): void;
  /** Bytes on disk, where the log knows them. */
  readonly bytes?: number | undefined;
  /** The block is durable when this has completed. After a failure nothing more is written: what is durable is unknown. */
  append(block: Block<unknown>): ObservableInput<unknown>;
  /** Records before this offset belong to batches that are complete and saved: they may be deleted. */
  release(offset: number): ObservableInput<unknown>;
  /** Closes the log when what is being written is durable. */
  close(): ObservableInput<unknown>;
}

/**
 * Where a receiver's records are kept from the moment they are received until their batch is saved: the contract of all
 * write-ahead logs. Each source has one of its own.
 *
 * Source: Spark's `WriteAheadLog`.
 */
export interface WriteAheadLog {
  /** Shown in messages, such as a path. */
  readonly location: string;
  /** Emits the session, which is closed by its `close`. */
  open(request: WriteAheadLogRequest): ObservableInput<WriteAheadLogSession>;
}
