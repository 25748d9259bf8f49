import type { Observable } from 'rxjs';
import type { CommittedState } from './committedState.js';
import type { Key } from './key.js';
import type { KeyedState } from './keyedState.js';

/** How an operator names its state and describes its contents. */
export interface StateDescription<K extends Key, S> {
  /** The name of the operator, for messages. */
  readonly operator: string;
  /** The user's name for this state, stable across deployments. Required when a checkpoint is configured. */
  readonly id?: string | undefined;
  /**
   * What the state depends on besides the user's functions, such as `window=60000 slide=5000`. A checkpoint with
   * another signature is refused, because its state would lead to wrong results.
   */
  readonly signature?: string | undefined;
  /** Whether what was saved under another signature can be read all the same. Default: it cannot. */
  readonly reads?: ((signature: string) => boolean) | undefined;
  /** Version of the user's state schema. Default 0. */
  readonly version?: number | undefined;
  /** Turns a state saved under an older `version` into today's. Without it an older version is refused. */
  readonly migrate?: ((state: unknown, fromVersion: number, key: K) => S) | undefined;
  /**
   * Divides the state among tasks, in `splitCheckpoint`: called with each key and its state for each task, and returns what of it is the
   * task's own, `undefined` for nothing. `mine` says whether a key of the records goes to the task; of a state by these keys it is
   * `(key, state, mine) => (mine(key) ? state : undefined)`. Default: the state cannot be divided.
   */
  readonly split?: ((key: K, state: S, mine: (key: Key) => boolean) => S | undefined) | undefined;
  /** Receives the state as of the last complete batch, to be read from outside. */
  readonly queryable?: { connect(state: CommittedState<K, S>): void } | undefined;
}

/** What an operator shows to readers outside of the stream: its results, as of the last complete batch. */
export interface PublishedState<K extends Key, S> {
  /** The batch of this time has set and deleted these, or has these alone if `all` is set. */
  show(time: number, set: readonly (readonly [K, S])[], deleted: readonly K[], all: boolean): void;
}

/** Where the stateful operators of one running stream keep their state. */
export interface BatchState {
  /** Whether the state is saved in a checkpoint, so that it continues in another run of the stream. */
  readonly durable?: boolean | undefined;
  /** The checkpoint as this run has opened it, for outputs that write in the transaction that saves the batch: only to be compared. */
  readonly session?: object | undefined;
  /**
   * Present at the first batch after a restart, while it is unknown whether an operator asks for each state of the
   * checkpoint: outputs begin when it completes.
   */
  readonly restoring?: Observable<never> | undefined;
  /**
   * Opens the state of an operator, restored from the checkpoint where there is one. Called once per subscription, at
   * the operator's first batch.
   *
   * @throws {MissingIdError} when a checkpoint is configured and `id` is not given
   * @throws {DuplicateIdError} when another operator of the stream uses the id
   */
  keyed<K extends Key, S>(description: StateDescription<K, S>): KeyedState<K, S>;
  /** Lets an operator show results that are not its state; `restored` are those of the last complete batch, after a restart. */
  publish?<K extends Key, S>(
    description: Pick<StateDescription<K, S>, 'operator' | 'id'>,
    queryable: { connect(state: CommittedState<K, S>): void },
    restored?: readonly (readonly [K, S])[],
  ): PublishedState<K, S>;
}
