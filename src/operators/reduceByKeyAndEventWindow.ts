import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { Key, Pair } from '../batch/key.js';
import type { TupleHint } from '../batch/pairOf.js';
import { checkOptions } from '../options/checkOptions.js';
import { checkFunction } from '../options/checks.js';
import { eventWindows } from './base/eventWindows.js';
import { keyedRecords } from './base/keyedRecords.js';
import { type QueryableOption, queryableChecks } from './base/queryableOption.js';
import {
  type EmittedWindow,
  type EventWindowOptions,
  eventWindowChecks,
  type WindowEmit,
  type WindowResult,
} from './eventWindowOptions.js';

/** Options of `reduceByKeyAndEventWindow`. */
export interface ReduceByKeyAndEventWindowOptions<K extends Key, V, E extends WindowEmit = 'final'>
  extends EventWindowOptions<Pair<K, V>, E> {
  /**
   * Subtracts the values that leave the window from its value: `inverse(reduce(a, b), a)` must equal `b`. Without it a sliding
   * window is kept in two stacks, which costs little more and cannot drift.
   */
  readonly inverse?: ((value: V, old: V) => V | TupleHint) | undefined;
}

/**
 * Reduces the values of each key over windows of event time. A window comes once, with the batch in which the watermark reaches its end.
 *
 * Values are reduced in any order: `reduce` must be associative and commutative. For everything else it is as
 * `aggregateByKeyAndEventWindow`.
 *
 * Source: Spark's `reduceByKeyAndWindow`, by event time.
 *
 * @throws {InvalidOptionError} if an option is out of its range, or `reduce` is not a function
 * @throws {MissingEventTimeError} (as a notification) if the records have no event time
 * @throws {InvalidRecordError} (as a notification) if a record is not a pair
 * @throws {MissingIdError} (as a notification) if a checkpoint is configured and `id` is missing
 *
 * @example
 * ```ts
 * import { eventTime, foreachBatch, fromBatches, mapRecords, reduceByKeyAndEventWindow } from 'dstream';
 *
 * const sales = [
 *   { at: 3, shop: 'north', amount: 10 },
 *   { at: 8, shop: 'north', amount: 5 },
 *   { at: 21, shop: 'south', amount: 7 },
 * ];
 * fromBatches([sales], { interval: 10 })
 *   .pipe(
 *     eventTime({ timestamp: (sale) => sale.at, outOfOrderness: 0 }),
 *     mapRecords((sale) => [sale.shop, sale.amount]),
 *     reduceByKeyAndEventWindow((a, b) => a + b, { window: 20 }),
 *     foreachBatch((sums) => console.log(sums)),
 *   )
 *   .subscribe();
 * // => [
 * // =>   [ 'north', { start: 0, end: 20, value: 15 } ],
 * // =>   [ 'south', { start: 20, end: 40, value: 7 } ]
 * // => ]
 * ```
 *
 * @see {@link aggregateByKeyAndEventWindow}
 * @see {@link groupByKeyAndEventWindow}
 * @see {@link reduceByKeyAndWindow}
 */
export function reduceByKeyAndEventWindow<K extends Key, V, E extends WindowEmit = 'final'>(
  reduce: (a: V, b: V) => V | TupleHint,
  options: ReduceByKeyAndEventWindowOptions<K, V, E> & QueryableOption<K, readonly WindowResult<V>[]>,
): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, EmittedWindow<V, E>>>> {
  const operator = 'reduceByKeyAndEventWindow';
  checkFunction(operator, 'reduce', reduce);
  checkOptions(operator, options, { ...eventWindowChecks, ...queryableChecks, inverse: checkFunction });
  const { inverse } = options;
  const combine = reduce as (a: V, b: V) => V;
  const lift = (value: V) => value;
  return eventWindows<Pair<K, V>, K, V, V, V, Pair<K, EmittedWindow<V, E>>>({
    ...keyedRecords<K, V, V, E>(operator),
    options,
    queryable: options.queryable,
    aggregator: { name: 'reduce', identity: undefined as V, lift, combine, lower: lift },
    keyed: { inverse: inverse as ((value: V, old: V) => V) | undefined },
  });
}
