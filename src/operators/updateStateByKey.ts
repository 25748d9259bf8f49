import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { StateDescription } from '../batch/batchState.js';
import type { Key, Pair } from '../batch/key.js';
import type { KeyedState } from '../batch/keyedState.js';
import { groupPairs } from '../collections/pairs.js';
import { checkFunction, checkOneOf } from '../options/checks.js';
import type { QueryableState } from '../state/queryable.js';
import { initialEntries } from './base/initialEntries.js';
import { perBatchWithState } from './base/perBatchWithState.js';

/** What an update function is told besides values and state. */
export interface StateUpdate<K> {
  readonly key: K;
  /** The batch time, ms. */
  readonly time: number;
}

export interface UpdateStateByKeyOptions<K extends Key, S> {
  /** Name of the state, stable across deployments; required with a checkpoint. */
  readonly id?: string;
  /**
   * The state to begin with, when there is none in a checkpoint. Each subscription reads it anew, an iterator excepted, and
   * with an `id` takes a copy.
   */
  readonly initialState?: Iterable<readonly [K, S]>;
  /**
   * For which keys `update` is called at each batch: every key that has state or values, as Spark does; or only those
   * with values, which costs what the batch touches and not what is kept.
   * @default 'all'
   */
  readonly call?: 'all' | 'touched';
  /** Made by `queryable()`: the state as of the last complete batch, to be read from outside. */
  readonly queryable?: QueryableState<K, S>;
  /** Version of the state's schema. @default 0 */
  readonly version?: number;
  /** Turns a state of an older version into today's. */
  readonly migrate?: StateDescription<K, S>['migrate'];
}

/**
 * Keeps a state for each key: at every batch `update` gets the key's new values and its state and gives the new state;
 * `undefined` removes the key.
 *
 * Takes batches of pairs; gives all keys with their states (with `call: 'touched'`, those that were updated), in one
 * partition. An empty batch updates every key with no values.
 *
 * With `call: 'all'` a batch costs a call for every key that is kept; with `'touched'` one for every key it has.
 *
 * Source: Spark's `updateStateByKey`.
 *
 * @throws {InvalidOptionError} when `version` is no integer of at least 0
 * @throws {InvalidRecordError} (as a notification) when a record is no pair, or its key is an object
 * @throws {MissingIdError} (as a notification) when a checkpoint is configured and `id` is not given
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches, updateStateByKey } from 'dstream';
 *
 * fromBatches([[['a', 1], ['b', 1]], [['a', 1]]], { interval: 10 })
 *   .pipe(
 *     updateStateByKey((values, count: number | undefined) => values.length + (count ?? 0)),
 *     foreachBatch((counts) => console.log(counts)),
 *   )
 *   .subscribe();
 * // => [ [ 'a', 1 ], [ 'b', 1 ] ]
 * // => [ [ 'a', 2 ], [ 'b', 1 ] ]
 * ```
 */
export function updateStateByKey<K extends Key, V, S>(
  update: (values: readonly V[], state: S | undefined, update: StateUpdate<K>) => S | undefined,
  options: UpdateStateByKeyOptions<K, S> = {},
): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, S>>> {
  const { id, initialState, call = 'all', version, migrate, queryable } = options;
  checkFunction('updateStateByKey', 'update', update);
  checkOneOf('updateStateByKey', 'call', call, ['all', 'touched']);
  const initial = initialEntries(initialState ?? [], id);
  const description: StateDescription<K, S> = { operator: 'updateStateByKey', id, version, migrate, queryable };
  return perBatchWithState(description, (state) => {
    if (!state.restored) for (const [key, value] of initial) state.set(key, value);
    return (batch) => {
      const values = groupPairs('updateStateByKey', batch.partitions);
      const { time } = batch.context;
      return batch.withRecords(
        call === 'all' ? updateAll(state, values, time, update) : updateTouched(state, values, time, update),
      );
    };
  });
}

type Update<K, V, S> = (values: readonly V[], state: S | undefined, update: StateUpdate<K>) => S | undefined;

const noValues: readonly never[] = [];

function updateAll<K extends Key, V, S>(
  state: KeyedState<K, S>,
  values: ReadonlyMap<K, readonly V[]>,
  time: number,
  update: Update<K, V, S>,
): readonly Pair<K, S>[] {
  const updated: Pair<K, S>[] = [];
  const fresh = [...values].filter(([key]) => !state.has(key));
  // Keys with state first, oldest first; then the new ones. Setting a key that exists does not move it.
  for (const [key, before] of state.entries()) {
    const after = update(values.get(key) ?? noValues, before, { key, time });
    keep(state, key, before, after, updated);
  }
  for (const [key, group] of fresh) keep(state, key, undefined, update(group, undefined, { key, time }), updated);
  return updated;
}

function updateTouched<K extends Key, V, S>(
  state: KeyedState<K, S>,
  values: ReadonlyMap<K, readonly V[]>,
  time: number,
  update: Update<K, V, S>,
): readonly Pair<K, S>[] {
  const updated: Pair<K, S>[] = [];
  state.prepare?.([...values.keys()]);
  for (const [key, group] of values) {
    const before = state.get(key);
    keep(state, key, before, update(group, before, { key, time }), updated);
  }
  return updated;
}

/** An unchanged primitive need not be saved again; an object may have been changed in place, so it is. */
function keep<K extends Key, S>(
  state: KeyedState<K, S>,
  key: K,
  before: S | undefined,
  after: S | undefined,
  updated: Pair<K, S>[],
): void {
  if (after === undefined) {
    if (before !== undefined) state.delete(key);
    return;
  }
  if (after !== before) state.set(key, after);
  else if (typeof after === 'object') state.touch(key, after);
  updated.push([key, after]);
}
