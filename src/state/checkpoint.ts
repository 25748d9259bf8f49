import type { ObservableInput } from 'rxjs';
import type { Key } from '../batch/key.js';
import type { KeyedState } from '../batch/keyedState.js';
import type { OffsetRange } from '../batch/offsetRange.js';
import type { TopicPartitionOffset } from '../batch/topicPartition.js';
import type { Takeover } from '../storage/takeover.js';
import type { Salvage } from './damage.js';

/** The next offset to read of each partition of one source. */
export type Positions = readonly TopicPartitionOffset[];

/** What one batch changed in the state of one operator. Values are as the operator left them, not encoded yet. */
export interface StateChange {
  /** The user's name for the state. */
  readonly id: string;
  /** The name of the operator. */
  readonly operator: string;
  /** What the state depends on besides the user's functions, such as `window=60000 slide=5000`. */
  readonly signature: string;
  /** The version of the user's state schema. */
  readonly version: number;
  /** Keys that were set, with their states. */
  readonly set: readonly (readonly [key: Key, state: unknown])[];
  /** Keys that were deleted. */
  readonly deleted: readonly Key[];
}

/** The state of an operator while the stream runs: what a store reads when it writes a snapshot in the background. */
export interface LiveState extends Pick<StateChange, 'id' | 'operator' | 'signature' | 'version'> {
  /** The current number of keys. */
  size(): number;
  /** The current entries, oldest key first; like those of a `Map`, they may change while they are iterated. */
  entries(): Iterable<readonly [Key, unknown]>;
}

/** What an operator says when it opens its state in a store that holds states itself. */
export interface StateRequest<K extends Key, S> extends Pick<StateChange, 'id' | 'operator' | 'signature' | 'version'> {
  /** Turns a state that was saved under an older version into the current one. */
  readonly migrate: ((state: unknown, fromVersion: number, key: K) => S) | undefined;
  /** Hands over the encoded changes of the batch of this time, which come back in `SavedBatch.changes`. */
  changed(time: number, change: unknown): void;
  /** Called when the operator closes the state. */
  closed(): void;
}

/** An offset range of a batch that has been planned. */
export interface PlannedRange extends OffsetRange {
  /** How many records the range may have: read to have more, it ends sooner, and is planned again so. Absent without a limit. */
  readonly maxRecords?: number;
  /**
   * How many bytes all ranges of the source in this batch may have together, unpacked: with more they end sooner, and are planned
   * again so. Absent once they have been: records of the batch may have been handed out.
   */
  readonly maxBytes?: number;
  /** Set where the range does not begin at the end of the one before it, since what lies between was passed over. */
  readonly jumps?: true;
}

/** A batch whose offset ranges are fixed and whose records have not been read yet. */
export interface PlannedBatch {
  /** The end of its interval, ms. */
  readonly time: number;
  /** The time that windows are aligned to: where the first interval of the stream began, ms. */
  readonly zeroTime: number;
  /** The batch interval, ms. */
  readonly interval: number;
  /** Offset ranges by the name of the source. */
  readonly ranges: Readonly<Record<string, readonly PlannedRange[]>>;
  /**
   * How often it was started again and failed, or the process ended meanwhile. Counted where a batch can be given up
   * (`onBatchError`). Absent for none.
   */
  readonly attempts?: number;
  /**
   * Names the partitions that the stream was given, such as `orders-0`, where it divides a topic by hand: the outputs of the batch have the
   * same names when it runs again, whatever the stream is given by then. Absent for none.
   */
  readonly selection?: string;
}

/** A complete batch. */
export interface SavedBatch {
  /** The end of its interval, ms. */
  readonly time: number;
  /** The time that windows are aligned to: where the first interval of the stream began, ms. */
  readonly zeroTime: number;
  /** The batch interval, ms. */
  readonly interval: number;
  /** The next offsets of each source after this batch, by the name of the source. */
  readonly positions: Readonly<Record<string, Positions>>;
  /** The encoded changes of every stateful operator, in the order in which `encode` was called. */
  readonly changes: readonly unknown[];
  /** The ids of states that are removed with all their keys, before `changes` apply. Default: none. */
  readonly dropped?: readonly string[];
}

/** The state of one operator as it was saved. */
export interface RestoredState {
  /** The name of the operator that saved it. */
  readonly operator: string;
  /** The signature of the operator that saved it. */
  readonly signature: string;
  /** The version of the user's state schema under which it was saved. */
  readonly version: number;
  /** Read once, oldest key first. The operator owns a `KeyTable` from then on. */
  entries(): Iterable<readonly [Key, unknown]>;
}

/** What a checkpoint holds after a restart. */
export interface RestoredCheckpoint {
  /** The time that windows are aligned to: where the first interval of the stream began, ms. */
  readonly zeroTime: number;
  /** The batch interval, ms. */
  readonly interval: number;
  /** Time of the last saved batch or, when none was saved, one interval before the first planned batch. */
  readonly time: number;
  /** Where each source goes on, by the name of the source. */
  readonly positions: Readonly<Record<string, Positions>>;
  /** Batches that were planned after `time` and not saved, in order of time. */
  readonly planned: readonly PlannedBatch[];
  /** The ids of all states that are saved. */
  readonly stateIds: readonly string[];
  /** Returns the state with this id, or `undefined` when none is saved. */
  state(id: string): RestoredState | undefined;
}

/** What a snapshot of the stream shows of a store. */
export interface CheckpointUsage {
  /** Bytes on disk. */
  readonly bytes?: number | undefined;
  /** Grows at each opening. */
  readonly generation?: number | undefined;
}

/**
 * An opened checkpoint of one running stream. `plan` is called in order of batch time, each call after the previous one has
 * completed, and so is `save`; but a batch may be planned while another is saved. A batch that turns out to hold more than it may is
 * planned again, with other ranges in place of the first ones, possibly while a later batch is planned. A saved batch and its state
 * become durable together, at the latest when what `save` returns has completed.
 */
export interface CheckpointSession {
  /** What the checkpoint holds; `undefined` when it is empty. */
  readonly restored: RestoredCheckpoint | undefined;
  /**
   * Opens the state of an operator, for stores of states larger than memory. It holds what was saved last; changes that are
   * not saved are lost with the session. Without this method states live in memory.
   */
  openState?<K extends Key, S>(request: StateRequest<K, S>): KeyedState<K, S>;
  /**
   * Announces a state that an operator has opened and restored, to stores that write snapshots. Between two turns of the
   * event loop all changes of a state are encoded, until `close` is called.
   */
  attach?(state: LiveState): void;
  /**
   * Encodes the changes of a batch before a later batch can alter the same objects. The result is only passed back in
   * `SavedBatch.changes`.
   */
  encode(change: StateChange): unknown;
  /** What it takes and how often it was opened, where the store knows that without asking for it. */
  usage?(): CheckpointUsage;
  /** Saves the ranges of a batch before its first record is handed out, so that a replayed batch has the same ranges. */
  plan(batch: PlannedBatch): ObservableInput<unknown>;
  /** Saves a complete batch with its state. Completes when both are durable. */
  save(batch: SavedBatch): ObservableInput<unknown>;
  /** Closes the checkpoint when what is being written is durable. */
  close(): ObservableInput<unknown>;
}

/** A member of a group that opens a checkpoint, because the work is its own. */
export interface CheckpointOpener {
  /** The id of the task, where the job is divided into tasks. */
  readonly task?: string;
  /** The id that the group has chosen for the member. */
  readonly memberId: string;
  /** The generation of the group: a later owner has a higher one, or the same after it was given the work back. */
  readonly generation: number;
}

/** How a checkpoint is opened, where it may be in use. Stores may ignore it. */
export interface OpenOptions {
  /** What happens while another stream owns it. Default: what the store's own option says. */
  readonly takeover?: Takeover | undefined;
  /** Called when the opening begins to wait for another owner, with the reason. Default: nobody is notified. */
  readonly waiting?: ((reason: string) => void) | undefined;
  /** Who opens it, where a group decides whose work it is: for stores that keep or compare it. Default: nobody says so. */
  readonly by?: CheckpointOpener | undefined;
  /** Ends that wait. Default: it lasts until the store can be taken. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Passes over what is damaged. The session is there to be read then: nothing is written to the store, and it takes no plan and no batch.
   * Default: damage fails the opening, or the reading of a state.
   */
  readonly salvage?: Salvage | undefined;
}

/** A copy of a checkpoint, when it was looked at. */
export interface CopyLook {
  /** How many offsets it was behind. */
  readonly behind: number;
  /** Whether it could be used as it is: one that is begun could not, before it has been read to the end once. */
  readonly isWhole: boolean;
}

/** Copies of a checkpoint on the machines of processes that do not own it. */
export interface CheckpointCopies {
  /** Names the machine and the directory: processes with the same place have the same copies. */
  readonly place: string;
  /** Whether there is a copy here that is whole, and young enough to be used. It is answered without asking the store. */
  exists(): ObservableInput<boolean>;
  /**
   * Keeps the copy here up to date while another process owns the checkpoint. Emits at each look how the copy was, and `undefined` when that
   * is not known any more. When `signal` is aborted, it completes as soon as the copy may be used by another.
   * Nothing is deleted then.
   */
  follow(signal: AbortSignal): ObservableInput<CopyLook | undefined>;
}

/**
 * Where progress and state are kept across restarts: the contract of all checkpoint stores.
 *
 * Source: Spark's checkpointing, with data only and no code in it.
 */
export interface Checkpoint {
  /** Shown in messages, such as a path. */
  readonly location: string;
  /** The command line that does this to it, such as `drop "counts"`: for messages. Default: none is named. */
  command?(action: string): string;
  /** Where the store keeps copies on the machines of its users. Default: it keeps no copies. */
  readonly copies?: CheckpointCopies | undefined;
  /** Emits the session. It is closed by its `close`, not by unsubscribing. */
  open(options?: OpenOptions): ObservableInput<CheckpointSession>;
}
