import type { Observable, ObservableInput, ReadableStreamLike, TeardownLogic } from 'rxjs';
import type { InvalidRecordError } from '../../batch/errors.js';

/** What a receiver that is a function hands its records to. The functions need no `this`. */
export interface ReceiverSink<T> {
  /**
   * Hands over one record. Returns whether there is room for another: at `false`, a receiver that can make its sender wait
   * should do so until `whenRoom`, because `overflow` applies to records that arrive anyway. What it still stores in the same turn of the
   * event loop, such as the rest of a chunk, is taken where `overflow` is `'error'`, up to as much again as the bounds of the queue.
   *
   * `stored` is called once the record is safe: with a write-ahead log when it and all earlier ones are durable, without
   * one when it is stored at its `storageLevel`, in memory immediately. The sender may then forget the record. `stored` is never
   * called for a record that is dropped, or when the log fails or the stream ends first.
   *
   * `refused` is called instead, with an `InvalidRecordError`, if the write-ahead log could not read the record back: other
   * records are not affected. Without `refused` such a record fails the receiver.
   */
  readonly store: (record: T, stored?: () => void, refused?: (error: InvalidRecordError) => void) => boolean;
  /**
   * Hands over several records that become one block, and so one partition of a batch, unless a rate cuts them. They are
   * taken, dropped or refused together: taken when there is room for the first of them. Otherwise like `store`.
   */
  readonly storeBlock: (
    records: readonly T[],
    stored?: () => void,
    refused?: (error: InvalidRecordError) => void,
  ) => boolean;
  /**
   * Like `store`, for a sender that can go on after this record: `position`, such as the id of an event, is in `resumeFrom` when
   * the receiver is started again. It is saved with the record: in the write-ahead log, or else in the checkpoint.
   */
  readonly storeAt: (
    position: string,
    record: T,
    stored?: () => void,
    refused?: (error: InvalidRecordError) => void,
  ) => boolean;
  /**
   * The position of the last record that this receiver has stored by `storeAt`. After a crash it is that of the last durable record,
   * or without a write-ahead log of the last saved batch; `undefined` at the beginning.
   */
  readonly resumeFrom: string | undefined;
  /**
   * Like `store`, with a promise. It resolves when the record is safe, and rejects with a `QueueOverflowError` when the record
   * is dropped and with an `InvalidRecordError` when it is refused. It never settles if the log fails or the stream ends first: the
   * receiver is left then.
   */
  readonly write: (record: T) => Promise<void>;
  /** Like `storeBlock`, with a promise. */
  readonly writeBlock: (records: readonly T[]) => Promise<void>;
  /** Whether there is room for another record. */
  readonly room: () => boolean;
  /** Calls the listener once, when there is room: at once, or later unless the receiver has been left by then. */
  readonly whenRoom: (listener: () => void) => void;
  /** The number of this receiver among the `receivers` that run, from 0. */
  readonly index: number;
  /** The receiver is connected: its status becomes `running`, as it does with the first record. */
  readonly connected: () => void;
  /** The receiver met an error and goes on: `statusObserver` and `BatchInfo` have it, and nothing else changes. */
  readonly reportError: (error: unknown) => void;
  /** No more records will come: the stream completes after the last block, unless `restart.onClose` is `'restart'`. */
  readonly complete: () => void;
  /** The receiver failed: it is started again as `restart` says, or the stream fails where that is not set. */
  readonly fail: (error: unknown) => void;
}

/** What a promise may resolve to that is read as a stream of records, such as the body of a response. */
export type StreamedRecords<T> = AsyncIterable<T> | ReadableStreamLike<T> | Observable<T>;

/** A source whose items are acknowledged when they are stored: what `acknowledged` returns. */
export interface AcknowledgedSource<T> {
  /** The source, of items of any kind. */
  readonly source: Receiver<unknown>;
  /** How the items become records that are acknowledged. @internal */
  eventsOf(events: IntakeEvents<T>): IntakeEvents<unknown>;
}

/**
 * Where the records of `receiverBatches` come from:
 *
 * - an Observable (or a promise), which pushes;
 * - an array, an iterable, an async iterable or a `ReadableStream`, which is not pulled while the queue is full;
 * - a promise of an async iterable, of a `ReadableStream` or of an Observable, which is read like these;
 * - one of these wrapped by `acknowledged`;
 * - a function that returns one of these: it is called at each start, for what can be consumed only once;
 * - a function that takes a sink, begins to receive, and returns how to end it: a function or a subscription.
 */
export type Receiver<T> =
  | ObservableInput<T>
  | AcknowledgedSource<T>
  | ((sink: ReceiverSink<T>) => TeardownLogic | ObservableInput<T> | AcknowledgedSource<T>);

/** What a receiver at work reports to the source that started it. */
export interface IntakeEvents<T> {
  /** The number of this receiver. */
  readonly index: number;
  /** Where it goes on. */
  readonly resumeFrom: string | undefined;
  /** Whether there is room for another record. */
  room(): boolean;
  store(arrival: Arrival<T>): void;
  /** Calls back once what the receiver has in hand is handed over: in the next turn of the event loop, or at the next action of virtual time. */
  afterTurn(ended: () => void): void;
  connected(): void;
  reportError(error: unknown): void;
  complete(): void;
  fail(error: unknown): void;
}

/** Records that are handed over together. */
export interface Arrival<T> {
  readonly records: readonly T[];
  /** Whether they are one block. */
  readonly block?: boolean;
  /** Whether the receiver had them in hand when it learnt that there is no room. */
  readonly inHand?: boolean;
  /** Where the receiver goes on after them. */
  readonly position?: string;
  /** Called once the records are safe. */
  readonly stored?: (() => void) | undefined;
  /** Called if the write-ahead log could never read them back. */
  readonly refused?: ((error: InvalidRecordError) => void) | undefined;
  /** Called if there was no room for them and they are lost. */
  readonly dropped?: ((error: Error) => void) | undefined;
}

/** A receiver at work. Reports nothing after `close`, nor after it has completed or failed. */
export interface Intake {
  start(): void;
  /** There may be room again. */
  resume(): void;
  close(): void;
}
