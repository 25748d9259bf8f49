import type { CommittedState } from '../batch/committedState.js';
import type { Key } from '../batch/key.js';

/** The state of an operator, to be read from outside while the stream runs. */
export class QueryableState<K extends Key, S> {
  #state: CommittedState<K, S> | undefined;

  /** The time of the last complete batch, as of which everything is read; `undefined` before there is one. */
  get time(): number | undefined {
    return this.#state?.time;
  }

  /** How many keys there are. */
  get count(): number {
    return this.#state?.size ?? 0;
  }

  /** The state of a key, not to be changed; `undefined` when there is none. */
  get(key: K): S | undefined {
    return this.#state?.get(key);
  }

  /** All keys with their states, oldest key first; not to be changed. */
  *entries(): IterableIterator<readonly [K, S]> {
    if (this.#state) yield* this.#state.entries();
  }

  /** @internal Called by the operator when its state is opened. */
  connect(state: CommittedState<K, S>): void {
    this.#state = state;
  }
}

/**
 * Makes the state of an operator readable from outside while the stream runs: give what it returns to one `updateStateByKey` or
 * `mapWithState`, and read it whenever you like, for instance to answer requests.
 *
 * Everything is as of the last complete batch, whose time is `time`: a batch that is under way, or that fails, is not seen. Over
 * a state in memory that takes a copy of it, of which each batch costs what it touches, and states must be what
 * `structuredClone` can copy; over `lmdbCheckpoint` with `cacheKeys` it is read from disk, for as long as the stream runs.
 * After a failure it stays as it was until the first batch of the next subscription.
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
