import type { ObservableInput } from 'rxjs';
import type { Key } from '../batch/key.js';
import type { KeyedState } from '../batch/keyedState.js';
import type { OffsetRange } from '../batch/offsetRange.js';
import type { TopicPartitionOffset } from '../batch/topicPartition.js';

/** The next offset to read of each partition of one source. */
export type Positions = readonly TopicPartitionOffset[];

/** What one batch changed in the state of one operator. Values are as the operator left them, not encoded. */
export interface StateChange {
  readonly id: string;
  readonly operator: string;
  readonly signature: string;
  readonly version: number;
  readonly set: readonly (readonly [key: Key, state: unknown])[];
  readonly deleted: readonly Key[];
}

/** The state of an operator while the stream runs: what a store reads to write a snapshot in the background. */
export interface LiveState extends Pick<StateChange, 'id' | 'operator' | 'signature' | 'version'> {
  size(): number;
  /** As it is now, oldest key first; it may change while it is read, as a `Map` may. */
  entries(): Iterable<readonly [Key, unknown]>;
}

/** An operator asks for its state, of a store that holds states itself. */
export interface StateRequest<K extends Key, S> extends Pick<StateChange, 'id' | 'operator' | 'signature' | 'version'> {
  /** Turns a state that was saved under an older version into today's. */
  readonly migrate: ((state: unknown, fromVersion: number, key: K) => S) | undefined;
  /** Hands over what was changed, encoded, by the batch of this time: it comes back in `SavedBatch.changes`. */
  cut(time: number, change: unknown): void;
  /** To be called when the operator closes the state. */
  closed(): void;
}

/** A batch whose ranges are fixed and whose records have not been read yet. */
export interface PlannedBatch {
  readonly time: number;
  readonly zeroTime: number;
  readonly interval: number;
  /** Offset ranges by the name of the source. */
  readonly ranges: Readonly<Record<string, readonly OffsetRange[]>>;
}

/** A complete batch. */
export interface SavedBatch {
  readonly time: number;
  readonly zeroTime: number;
  readonly interval: number;
  /** Where each source goes on after this batch, by the name of the source. */
  readonly positions: Readonly<Record<string, Positions>>;
  /** The encoded changes of every stateful operator, in the order in which they were cut off. */
  readonly changes: readonly unknown[];
}

/** The state of one operator as it was saved. */
export interface RestoredState {
  readonly operator: string;
  readonly signature: string;
  readonly version: number;
  /** Read once, oldest key first. A `KeyTable` is the operator's from then on. */
  entries(): Iterable<readonly [Key, unknown]>;
}

/** What a checkpoint holds after a restart. */
export interface RestoredCheckpoint {
  readonly zeroTime: number;
  readonly interval: number;
  /** Time of the last complete batch; when none was, that of the batch before the first planned one. */
  readonly time: number;
  readonly positions: Readonly<Record<string, Positions>>;
  /** Batches that were planned after `time` and not completed, in order of time. */
  readonly planned: readonly PlannedBatch[];
  readonly stateIds: readonly string[];
  state(id: string): RestoredState | undefined;
}

/**
 * An opened checkpoint of one running stream. `plan` is called in order of batch time, the next when the one before has
 * completed, and so is `save`; but a batch may be planned while another is saved. A saved batch and its state are durable,
 * as one, when what `save` returns has completed.
 */
export interface CheckpointSession {
  readonly restored: RestoredCheckpoint | undefined;
  /**
   * Opens the state of an operator, for stores of states larger than memory: what it gives has what was saved last, and what
   * was changed since and not saved is forgotten with the session. Without it states live in memory.
   */
  openState?<K extends Key, S>(request: StateRequest<K, S>): KeyedState<K, S>;
  /**
   * Tells of a state that an operator has opened, restored: for stores that write snapshots. Between two turns of the event
   * loop a state has no changes that are not cut off yet, until `close` is called.
   */
  attach?(state: LiveState): void;
  /**
   * Encodes changes at the moment they are cut off, before a later batch can alter the same objects. What it returns is
   * only handed back in `SavedBatch.changes`.
   */
  encode(change: StateChange): unknown;
  /** Notes the ranges of a batch before the first byte of it is read, so that a replayed batch has the same ranges. */
  plan(batch: PlannedBatch): ObservableInput<unknown>;
  save(batch: SavedBatch): ObservableInput<unknown>;
  close(): ObservableInput<unknown>;
}

/**
 * Where progress and state are kept across restarts: the contract of all checkpoint stores.
 *
 * Source: Spark's checkpointing, with data only and no code in it.
 */
export interface Checkpoint {
  /** Shown in messages, such as a path. */
  readonly location: string;
  open(): ObservableInput<CheckpointSession>;
}
