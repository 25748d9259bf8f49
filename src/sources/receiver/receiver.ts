import type { ObservableInput, TeardownLogic } from 'rxjs';

/** By which a receiver that is a function hands over what it receives. The functions need no `this`. */
export interface ReceiverSink<T> {
  /**
   * Hands over one record. Gives whether there is room for another: a receiver that can make its sender wait should do so
   * at `false`, as the policy of `overflow` is applied to what comes anyway.
   *
   * `stored` is called once the record is safe: with a write-ahead log when it is durable, and all that came before it,
   * without one at once. Then its sender may be told to forget it. It is never called for a record that is dropped, or when
   * the log fails or the stream ends before.
   */
  readonly store: (record: T, stored?: () => void) => boolean;
  /** Nothing more will come: the stream completes after the last block. */
  readonly complete: () => void;
  /** Something went wrong: the receiver is started anew, or the stream fails, as `restart` says. */
  readonly fail: (error: unknown) => void;
}

/**
 * Where the records of `receiverBatches` come from:
 *
 * - an Observable (or a promise), which pushes;
 * - an array, an iterable, an async iterable or a `ReadableStream`, which is not pulled while the queue is full;
 * - a function that is given a sink, begins to receive, and returns how to end it: a function or a subscription.
 */
export type Receiver<T> = ObservableInput<T> | ((sink: ReceiverSink<T>) => TeardownLogic);
