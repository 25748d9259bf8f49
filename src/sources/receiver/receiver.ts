import type { ObservableInput, TeardownLogic } from 'rxjs';
import type { InvalidRecordError } from '../../batch/errors.js';

/** What a receiver that is a function hands its records to. The functions need no `this`. */
export interface ReceiverSink<T> {
  /**
   * Hands over one record. Returns whether there is room for another: at `false`, a receiver that can make its sender wait
   * should do so, because `overflow` applies to records that arrive anyway.
   *
   * `stored` is called once the record is safe: with a write-ahead log when it and all earlier ones are durable, without
   * one immediately. The sender may then forget the record. `stored` is never called for a record that is dropped, or when
   * the log fails or the stream ends first.
   *
   * `refused` is called instead, with an `InvalidRecordError`, if the write-ahead log could not read the record back: other
   * records are not affected. Without `refused` such a record fails the receiver.
   */
  readonly store: (record: T, stored?: () => void, refused?: (error: InvalidRecordError) => void) => boolean;
  /** No more records will come: the stream completes after the last block. */
  readonly complete: () => void;
  /** The receiver failed: it is started again after `restartDelay`, or the stream fails where that is not set. */
  readonly fail: (error: unknown) => void;
}

/**
 * Where the records of `receiverBatches` come from:
 *
 * - an Observable (or a promise), which pushes;
 * - an array, an iterable, an async iterable or a `ReadableStream`, which is not pulled while the queue is full;
 * - a function that takes a sink, begins to receive, and returns how to end it: a function or a subscription.
 */
export type Receiver<T> = ObservableInput<T> | ((sink: ReceiverSink<T>) => TeardownLogic);

/** What a receiver at work reports to the source that started it. */
export interface IntakeEvents<T> {
  /** Whether there is room for another record. */
  room(): boolean;
  /** `stored` is called once the record is in the write-ahead log, or immediately without a log; `refused` if it never can be. */
  store(record: T, stored?: () => void, refused?: (error: InvalidRecordError) => void): void;
  complete(): void;
  fail(error: unknown): void;
}

/** A receiver at work. Reports nothing after `close`, nor after it has completed or failed. */
export interface Intake {
  start(): void;
  /** There may be room again. */
  resume(): void;
  close(): void;
}
