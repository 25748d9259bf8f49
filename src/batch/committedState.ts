import type { Key } from './key.js';

/** The state of one operator as of the last complete batch, whatever later batches have done to it since. */
export interface CommittedState<K extends Key, S> {
  /** The time of that batch; `undefined` before the first. */
  readonly time: number | undefined;
  /** Number of keys. */
  readonly size: number;
  /** The state of a key; `undefined` if it has none. */
  get(key: K): S | undefined;
  /** All keys with their states, oldest key first. */
  entries(): IterableIterator<[K, S]>;
}
