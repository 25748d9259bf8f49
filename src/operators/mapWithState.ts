import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { StateDescription } from '../batch/batchState.js';
import type { CommittedState } from '../batch/committedState.js';
import type { Key, Pair } from '../batch/key.js';
import type { PairLike, PairOf } from '../batch/pairOf.js';
import { checkOwnKey } from '../collections/ownKeys.js';
import { checkPair } from '../collections/pairs.js';
import { checkOptions, type OptionChecks } from '../options/checkOptions.js';
import {
  checkFunction,
  checkIterable,
  checkNonNegativeInteger,
  checkPositiveInteger,
  checkText,
  withMethods,
} from '../options/checks.js';
import { IdleKeys } from '../state/idleKeys.js';
import { mappedState } from '../state/mappedState.js';
import type { QueryableState } from '../state/queryable.js';
import { initialEntries } from './base/initialEntries.js';
import { perBatchWithState } from './base/perBatchWithState.js';
import { keepingState, visitEach } from './base/visitEach.js';
import { StateHandle } from './stateHandle.js';

/** Options of `mapWithState`. */
export interface MapWithStateOptions<K extends Key, S> {
  /** Name of the state, the same across deployments; required with a checkpoint. */
  readonly id?: string | undefined;
  /**
   * Initial states, if a checkpoint has none. They count as touched by the first batch. Each subscription reads them again
   * (except from an iterator, which can be read once) and with an `id` copies them. Default: no state.
   */
  readonly initialState?: Iterable<readonly [K, S]> | undefined;
  /** Time after which a key whose state was not touched times out, in ms of batch time. Default: never. */
  readonly timeout?: number | undefined;
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

/** A state with the batch time at which it was last touched: what a checkpoint saves. */
interface Stamped<S> {
  state: S;
  touched: number;
}

const optionChecks: OptionChecks<MapWithStateOptions<never, never>> = {
  id: checkText,
  initialState: checkIterable,
  timeout: checkPositiveInteger,
  queryable: withMethods('connect'),
  version: checkNonNegativeInteger,
  migrate: checkFunction,
};

/**
 * Keeps a state per key, record by record: calls `map` for every record, in order, with a handle to the state of its key,
 * which shows what earlier records of the batch did. Emits what `map` returns, except `undefined`.
 *
 * With a `timeout`, a key times out in the first batch whose time is more than that after the state was last touched (by a
 * record, or by an update): `map` is called once more, with no value and `state.isTimingOut`, and the state is removed.
 * Keys without records are not called otherwise: a batch costs its records, and idle keys cost nothing until they leave.
 *
 * Source: Spark's `mapWithState`; there, keys time out only in batches in which state is checkpointed.
 *
 * @throws {InvalidOptionError} if `map` is not a function, `timeout` is not a positive integer, or `version` is not an
 * integer of at least 0
 * @throws {InvalidRecordError} (as a notification) if a record is not a pair, or its key is an object
 * @throws {MissingIdError} (as a notification) if a checkpoint is configured and `id` is missing
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches, mapWithState, type Pair } from 'dstream';
 *
 * const clicks: Pair<string, number>[][] = [[['ann', 1], ['ann', 2]], [], []];
 * fromBatches(clicks, { interval: 10, emptyAfter: 1 })
 *   .pipe(
 *     mapWithState<string, number, number, string>(
 *       (key, value, state) => {
 *         if (state.isTimingOut) return `${key} left with ${state.get()}`;
 *         state.update((state.get() ?? 0) + (value ?? 0));
 *         return `${key} has ${state.get()}`;
 *       },
 *       { timeout: 15 },
 *     ),
 *     foreachBatch((lines) => console.log(lines)),
 *   )
 *   .subscribe();
 * // => [ 'ann has 1', 'ann has 3' ]
 * // => []
 * // => [ 'ann left with 3' ]
 * // => []
 * ```
 *
 * @see {@link updateStateByKey}
 * @see {@link runningReduce}
 * @see {@link sessionWindow}
 */
export function mapWithState<K extends Key, V, S, P extends PairLike>(
  map: (key: K, value: V | undefined, state: StateHandle<S>, context: { readonly time: number }) => P | undefined,
  options?: MapWithStateOptions<K, S>,
): OperatorFunction<Batch<Pair<K, V>>, Batch<PairOf<NoInfer<P>>>>;
/**
 * Keeps a state per key, record by record: calls `map` for every record, in order, with a handle to the state of its
 * key, which shows what earlier records of the batch did.
 */
export function mapWithState<K extends Key, V, S, R>(
  map: (key: K, value: V | undefined, state: StateHandle<S>, context: { readonly time: number }) => R | undefined,
  options?: MapWithStateOptions<K, S>,
): OperatorFunction<Batch<Pair<K, V>>, Batch<R>>;
export function mapWithState<K extends Key, V, S, R>(
  map: (key: K, value: V | undefined, state: StateHandle<S>, context: { readonly time: number }) => R | undefined,
  options: MapWithStateOptions<K, S> = {},
): OperatorFunction<Batch<Pair<K, V>>, Batch<R>> {
  checkFunction('mapWithState', 'map', map);
  checkOptions('mapWithState', options, optionChecks);
  const { id, initialState, timeout, version, migrate, queryable } = options;
  const owner = { operator: 'mapWithState', id };
  const initial = initialEntries(initialState ?? [], id, 'mapWithState');
  const migrateStamped = migrate && stamped(migrate);
  const connect = (committed: CommittedState<K, Stamped<S>>) =>
    queryable?.connect(mappedState(committed, ({ state }) => state));
  const description = {
    operator: 'mapWithState',
    id,
    version,
    migrate: migrateStamped,
    queryable: queryable && { connect },
  };
  return perBatchWithState<Pair<K, V>, R, K, Stamped<S>>(description, (kept, first) => {
    if (!kept.restored) {
      for (const [key, state] of initial) kept.set(key, { state, touched: first.context.time });
    }
    const idle = new IdleKeys<K>();
    if (timeout !== undefined) {
      const oldestFirst = [...kept.entries()].sort(([, a], [, b]) => a.touched - b.touched);
      for (const [key, { touched }] of oldestFirst) idle.touch(key, touched);
    }

    return (batch) => {
      const { time } = batch.context;
      const results: R[] = [];
      const handle = new StateHandle<S>();
      const call = (key: K, value: V | undefined, before: Stamped<S> | undefined, timingOut: boolean): void => {
        handle.open(before?.state, timingOut);
        const result = map(key, value, handle, { time });
        if (result !== undefined) results.push(result);
        if (handle.removed || timingOut) {
          if (before) kept.delete(key);
        } else if (handle.updated || (before && timeout !== undefined && before.touched !== time)) {
          if (before) {
            before.state = handle.get() as S;
            before.touched = time;
            kept.touch(key, before);
          } else kept.set(key, { state: handle.get() as S, touched: time });
          if (timeout !== undefined) idle.touch(key, time);
        }
      };
      for (const { records } of batch.partitions) {
        // A record that is not a pair is refused when its turn comes.
        kept.prepare?.(records.map((record) => (Array.isArray(record) ? record[0] : (null as K))));
      }
      const one = (record: Pair<K, V>): void => {
        if (!Array.isArray(record)) checkPair('mapWithState', record);
        const before = kept.get(record[0]);
        if (before === undefined) {
          checkPair('mapWithState', record);
          checkOwnKey('mapWithState', record[0]);
        }
        call(record[0], record[1], before, false);
      };
      const oneRestoring = (record: Pair<K, V>): void => {
        const before = Array.isArray(record) ? kept.get(record[0]) : undefined;
        const restore = (copy: S) => {
          if (before) before.state = copy;
        };
        keepingState(batch, owner, record[0], before?.state, () => one(record), restore);
      };
      if (batch.context.recordErrors) visitEach(batch, owner, oneRestoring);
      else for (const { records } of batch.partitions) for (const record of records) one(record);
      if (timeout !== undefined) {
        const expired = (key: K) => (kept.get(key)?.touched ?? Infinity) < time - timeout;
        for (const key of idle.takeBefore(time - timeout, expired)) call(key, undefined, kept.get(key), true);
      }
      return batch.withRecords(results);
    };
  });
}

/** The user's function knows nothing of the time of the last touch, which stays. */
function stamped<K extends Key, S>(
  migrate: NonNullable<StateDescription<K, S>['migrate']>,
): NonNullable<StateDescription<K, Stamped<S>>['migrate']> {
  return (saved, fromVersion, key) => {
    const { state, touched } = saved as Stamped<unknown>;
    return { state: migrate(state, fromVersion, key), touched };
  };
}
