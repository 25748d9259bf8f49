import type { CommittedState } from '../batch/committedState.js';
import type { Key } from '../batch/key.js';

/** The state of an operator, read from outside while the stream runs. */
export class QueryableState<K extends Key, S> {
  #state: CommittedState<K, S> | undefined;

  /** The time of the last complete batch, which all reads reflect; `undefined` before the first one. */
  get time(): number | undefined {
    return this.#state?.time;
  }

  /** The number of keys. */
  get count(): number {
    return this.#state?.size ?? 0;
  }

  /** Returns the state of a key, or `undefined` when the key has no state. Do not change it. */
  get(key: K): S | undefined {
    return this.#state?.get(key);
  }

  /** All keys with their states, oldest key first. Do not change them. */
  *entries(): IterableIterator<readonly [K, S]> {
    if (this.#state) yield* this.#state.entries();
  }

  /** @internal Called by the operator when its state is opened. */
  connect(state: CommittedState<K, S>): void {
    this.#state = state;
  }
}

/**
 * Makes the state of an operator readable from outside while the stream runs: pass what it returns to one operator as its `queryable`,
 * and read it at any time, for instance to answer requests. Windows over batch time show their last result: by key, or under the key `null`;
 * those by event time show the windows that are open, with their results so far.
 *
 * All reads reflect the last complete batch, whose time is `time`: a batch in progress, or one that fails, is not visible. A
 * state in memory is copied for this: each batch copies what it touches, and `structuredClone` must be able to copy the
 * states. With `lmdbCheckpoint` and `cacheKeys` states are read from disk, for as long as the stream runs. After a failure
 * the view stays the same until the first batch of the next subscription.
 *
 * @see queryHandler
 *
 * Source: Faust's tables and Kafka Streams' interactive queries.
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches, type Pair, queryable, updateStateByKey } from 'dstream';
 *
 * const totals = queryable<string, number>();
 * const visits: Pair<string, number>[][] = [[['ann', 1], ['bob', 1]], [['ann', 1]]];
 * fromBatches(visits, { interval: 10 })
 *   .pipe(
 *     updateStateByKey((ones, total: number | undefined) => (total ?? 0) + ones.length, { queryable: totals }),
 *     foreachBatch(() => console.log(totals.count, totals.get('ann'))),
 *   )
 *   .subscribe({ complete: () => console.log([...totals.entries()]) });
 * // => 0 undefined
 * // => 2 1
 * // => [ [ 'ann', 2 ], [ 'bob', 1 ] ]
 * ```
 */
export function queryable<K extends Key, S>(): QueryableState<K, S> {
  return new QueryableState<K, S>();
}
