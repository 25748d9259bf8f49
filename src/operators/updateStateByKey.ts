import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { StateDescription } from '../batch/batchState.js';
import { guarded } from '../batch/guarded.js';
import type { Key, Pair } from '../batch/key.js';
import type { KeyedState } from '../batch/keyedState.js';
import type { TupleHint } from '../batch/pairOf.js';
import { checkOwnKey } from '../collections/ownKeys.js';
import { checkPair, groupPairs } from '../collections/pairs.js';
import { checkOptions, type OptionChecks } from '../options/checkOptions.js';
import {
  checkFunction,
  checkIterable,
  checkNonNegativeInteger,
  checkText,
  oneOf,
  withMethods,
} from '../options/checks.js';
import type { QueryableState } from '../state/queryable.js';
import { initialEntries } from './base/initialEntries.js';
import { perBatchWithState } from './base/perBatchWithState.js';
import { keepingState, visitEach } from './base/visitEach.js';

/** What an update function receives besides values and state. */
export interface StateUpdate<K> {
  /** The key whose state is updated. */
  readonly key: K;
  /** The batch time, in ms. */
  readonly time: number;
}

/** Options of `updateStateByKey`. */
export interface UpdateStateByKeyOptions<K extends Key, S> {
  /** Name of the state, the same across deployments; required with a checkpoint. */
  readonly id?: string | undefined;
  /**
   * Initial states, if a checkpoint has none. Each subscription reads them again (except from an iterator, which can be read
   * once) and with an `id` copies them. Default: no state.
   */
  readonly initialState?: Iterable<readonly [K, S]> | undefined;
  /**
   * The keys for which `update` is called at each batch: every key that has state or values, as in Spark; or only those with
   * values, which costs what the batch touches and not what is kept.
   * @default 'all'
   */
  readonly call?: 'all' | 'touched' | undefined;
  /** Created by `queryable()`: the state as of the last complete batch, readable from outside. Default: not readable. */
  readonly queryable?: QueryableState<K, S> | undefined;
  /**
   * Version of the state's schema, an integer of at least 0.
   * @default 0
   */
  readonly version?: number | undefined;
  /** Converts a state of an older version to the current one. Required when a checkpoint contains states of another `version`. */
  readonly migrate?: StateDescription<K, S>['migrate'] | undefined;
}

const optionChecks: OptionChecks<UpdateStateByKeyOptions<never, never>> = {
  id: checkText,
  initialState: checkIterable,
  call: oneOf('all', 'touched'),
  queryable: withMethods('connect'),
  version: checkNonNegativeInteger,
  migrate: checkFunction,
};

/**
 * Keeps a state per key: at every batch `update` takes the key's new values and its state and returns the new state;
 * `undefined` removes the key.
 *
 * Takes batches of pairs. Emits all keys with their states (with `call: 'touched'`, the keys that were updated), in one
 * partition. An empty batch updates every key with no values.
 *
 * With `call: 'all'` a batch costs one call for every key with a state; with `'touched'` one for every key of the batch.
 *
 * Source: Spark's `updateStateByKey`.
 *
 * @throws {InvalidOptionError} if `update` is not a function, or an option is out of its range
 * @throws {InvalidRecordError} (as a notification) if a record is not a pair, or its key is an object
 * @throws {MissingIdError} (as a notification) if a checkpoint is configured and `id` is missing
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
 *
 * @see {@link mapWithState}
 * @see {@link runningReduce}
 * @see {@link reduceByKeyAndWindow}
 */
export function updateStateByKey<K extends Key, V, S>(
  update: (values: readonly V[], state: S | undefined, update: StateUpdate<K>) => S | TupleHint | undefined,
  options: UpdateStateByKeyOptions<K, S> = {},
): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, S>>> {
  checkFunction('updateStateByKey', 'update', update);
  checkOptions('updateStateByKey', options, optionChecks);
  const { id, initialState, call = 'all', version, migrate, queryable } = options;
  const updateKey = update as Update<K, V, S>;
  const owner = { operator: 'updateStateByKey', id };
  const initial = initialEntries(initialState ?? [], id, 'updateStateByKey');
  const description: StateDescription<K, S> = { operator: 'updateStateByKey', id, version, migrate, queryable };
  return perBatchWithState(description, (state) => {
    if (!state.restored) for (const [key, value] of initial) state.set(key, value);
    return (batch) => {
      const values = valuesByKey(batch, owner);
      const { time } = batch.context;
      const updateOne = batch.context.recordErrors ? restoringUpdate(batch, owner, state, updateKey) : updateKey;
      return batch.withRecords(
        call === 'all' ? updateAll(state, values, time, updateOne) : updateTouched(state, values, time, updateOne),
      );
    };
  });
}

type Owner = { readonly operator: string; readonly id: string | undefined };

type Update<K, V, S> = (
  values: readonly V[],
  state: S | undefined,
  update: StateUpdate<K>,
) => S | undefined | typeof failed;

/** Marks a key whose update failed: its state stays, and nothing is emitted. */
const failed = Symbol('failed');

function valuesByKey<K extends Key, V>(batch: Batch<Pair<K, V>>, owner: Owner): ReadonlyMap<K, readonly V[]> {
  if (!batch.context.recordErrors) return groupPairs(owner.operator, batch.partitions);
  const groups = new Map<K, V[]>();
  visitEach(batch, owner, (record) => {
    checkPair(owner.operator, record);
    const group = groups.get(record[0]);
    if (group) group.push(record[1]);
    else {
      checkOwnKey(owner.operator, record[0]);
      groups.set(record[0], [record[1]]);
    }
  });
  return groups;
}

/** An update that puts the values of a key aside when it throws, with the state of the key as it was. */
function restoringUpdate<K extends Key, V, S>(
  batch: Batch<unknown>,
  owner: Owner,
  state: KeyedState<K, S>,
  update: Update<K, V, S>,
): Update<K, V, S> {
  return (values, before, keyAndTime) => {
    const { key } = keyAndTime;
    let after: S | undefined | typeof failed = failed;
    const work = () =>
      keepingState(
        batch,
        owner,
        key,
        before,
        () => {
          after = update(values, before, keyAndTime);
        },
        (copy) => state.set(key, copy),
      );
    guarded<Pair<K, readonly V[]>>(batch.context, owner, () => undefined, work)([key, values]);
    return after;
  };
}

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

/** An unchanged primitive need not be saved again; an object must be, because it may have been changed in place. */
function keep<K extends Key, S>(
  state: KeyedState<K, S>,
  key: K,
  before: S | undefined,
  after: S | undefined | typeof failed,
  updated: Pair<K, S>[],
): void {
  if (after === failed) return;
  if (after === undefined) {
    if (before !== undefined) state.delete(key);
    return;
  }
  if (after !== before) state.set(key, after);
  else if (typeof after === 'object') state.touch(key, after);
  updated.push([key, after]);
}
