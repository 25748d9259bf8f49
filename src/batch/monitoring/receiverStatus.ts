/**
 * Where a receiver is in its life.
 *
 * | state | meaning |
 * | --- | --- |
 * | `connecting` | started, and nothing has been received yet |
 * | `running` | it receives |
 * | `waiting` | it failed or was closed, and is started again at `retryAt` |
 * | `failed` | it failed and is not started again: the stream fails |
 * | `complete` | no more records will come |
 * | `stopped` | the stream has ended or is stopping |
 */
export type ReceiverState = 'connecting' | 'running' | 'waiting' | 'failed' | 'complete' | 'stopped';

/** What a receiver is doing. */
export interface ReceiverStatus {
  /** The number of the receiver among the `receivers` of its source, from 0. */
  readonly index: number;
  /** Where it is in its life. */
  readonly state: ReceiverState;
  /** Since when, in ms of the scheduler's clock. */
  readonly since: number;
  /** How many times it has been started again, in this subscription. */
  readonly restarts: number;
  /** When it is started again, of `waiting`, in ms of the scheduler's clock. */
  readonly retryAt?: number | undefined;
  /** What it failed with, or reported, last. */
  readonly error?: unknown;
}

/** What a source that receives records itself holds, and how its receivers are, when a batch is read. */
export interface ReceiverInfo {
  /** Records that wait: received, and not handed to a batch. */
  readonly queuedRecords: number;
  /** Their bytes in memory, as `sizeOf` tells them. */
  readonly queuedBytes: number;
  /** Those of them that no write-ahead log has made durable yet, or no disk has stored: they wait for the disk. */
  readonly unstoredRecords: number;
  /** Bytes of blocks that are on disk only, where the `storageLevel` has any. */
  readonly diskBytes: number;
  /** Records that the batch left out because they were older than `ignore.olderThan`; `skipped` counts them too. */
  readonly ignored?: number | undefined;
  /** What each receiver is doing. */
  readonly receivers: readonly ReceiverStatus[];
}
