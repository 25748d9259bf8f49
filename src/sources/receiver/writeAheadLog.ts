import type { ObservableInput } from 'rxjs';
import type { Block } from './block.js';

/** What the checkpoint knows of a receiver when its log is opened, as offsets of the next record. */
export interface WriteAheadLogRequest {
  /** Those before belong to batches that are saved: nobody asks for them any more. */
  readonly saved: number;
  /** Those before belong to batches that are saved or planned. At least `saved`. */
  readonly planned: number;
}

/** An opened log of one receiver. `append` is called one at a time, with records that go on where the last block ended. */
export interface WriteAheadLogSession {
  /**
   * The blocks that hold records from `saved` on, in order: what was durable when the log was left. Called once: the log does
   * not keep them in memory.
   */
  recovered(): readonly Block<unknown>[];
  /** The block is durable when this has completed. After a failure nothing more is written: what is durable is not known. */
  append(block: Block<unknown>): ObservableInput<unknown>;
  /** Records before this offset belong to batches that are complete and saved: they may be deleted. */
  release(offset: number): ObservableInput<unknown>;
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
  open(request: WriteAheadLogRequest): ObservableInput<WriteAheadLogSession>;
}
