import type { CommittedState } from './committedState.js';
import type { Key } from './key.js';

/**
 * The state of one operator: a map whose changes are noted, so that what a batch changed can be saved by itself.
 *
 * A snapshot of what changed is taken (and encoded) when the batch has been dispatched, hence a function may change a state
 * object in place as long as it calls `touch` afterwards.
 */
export interface KeyedState<K extends Key, S> {
  /** Whether it comes from a checkpoint (and may be empty all the same): an initial state does not apply then. */
  readonly restored: boolean;
  /** Number of keys. */
  readonly size: number;
  /** Bytes that it takes, where the store knows them. */
  readonly bytes?: number | undefined;
  /** The state of a key; `undefined` if it has none. */
  get(key: K): S | undefined;
  /** Whether a key has a state. */
  has(key: K): boolean;
  /** Sets the state of a key. */
  set(key: K, state: S): void;
  /** Notes that the state of a key, which is this object, was changed in place: as `set`, without the look for its place. */
  touch(key: K, state: S): void;
  /** Deletes the state of a key; returns whether it had one. */
  delete(key: K): boolean;
  /**
   * Says which keys `get` will be asked for next, in this order, so that a large state can look them up together. It changes
   * nothing but how long that takes. Not there where it would not help.
   */
  prepare?(keys: readonly K[]): void;
  /** All keys with their states, oldest key first. Entries may be set and deleted while iterating, as in a `Map`. */
  entries(): IterableIterator<[K, S]>;
  /**
   * Takes a snapshot of what changed since the last one: it belongs to the batch of this time, and is saved when that batch is
   * complete. Called by the operator after each batch.
   */
  snapshot(time: number): void;
  /** The state as of the last saved batch, where it is kept apart: on disk. */
  committed?(): CommittedState<K, S>;
  /** Releases the id: called when the operator is unsubscribed. */
  close(): void;
}
