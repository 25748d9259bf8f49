import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { Key, Pair } from '../batch/key.js';
import type { TupleHint } from '../batch/pairOf.js';
import { reducePairs } from '../collections/pairs.js';
import { checkOptions, type OptionChecks } from '../options/checkOptions.js';
import { checkFunction, oneOf } from '../options/checks.js';
import { type QueryableOption, queryableChecks } from './base/queryableOption.js';
import { slidingKeys } from './base/slidingKeys.js';
import { type WindowOptions, windowChecks } from './windowOptions.js';

/** Options of `reduceByKeyAndWindow`. */
export interface ReduceByKeyAndWindowOptions<K extends Key, V> extends WindowOptions, QueryableOption<K, V> {
  /**
   * Subtracts the values that leave the window from its value: `inverse(reduce(a, b), a)` must equal `b`. Called once per key
   * and slide, before new values enter. Without it the window is kept in two stacks, which costs little more and cannot drift.
   */
  readonly inverse?: ((value: V, old: V) => V | TupleHint) | undefined;
  /** Keeps a key only while it returns true; a key that is dropped also leaves the window. Default: every key is kept. */
  readonly filter?: ((pair: Pair<K, V>) => boolean) | undefined;
}

const optionChecks: OptionChecks<ReduceByKeyAndWindowOptions<never, never> & { readonly emit?: string }> = {
  ...windowChecks,
  ...queryableChecks,
  inverse: checkFunction,
  filter: checkFunction,
  emit: oneOf('all', 'changes'),
};

/**
 * Reduces the values of each key over the last `window` ms, every `slide` ms.
 *
 * Takes batches of pairs. Emits one pair per key, in one partition: with `emit: 'all'` (the default) for every key in the
 * window; with `'changes'` only for keys whose value may have changed, and `[key, undefined]` once for a key that left. A
 * key leaves with the last batch that contained it (Spark keeps it, at zero, until a filter drops it).
 *
 * A slide costs what enters and what leaves, not what the window contains; `emit: 'all'` adds one pair per key.
 *
 * Source: Spark's `reduceByKeyAndWindow`.
 *
 * @throws {InvalidOptionError} if `reduce` is not a function, or an option is out of its range; as a notification, at the
 * first batch, if `window` or `slide` is not a multiple of the batch interval
 * @throws {InvalidRecordError} (as a notification) if a record is not a pair, or its key is an object
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches, reduceByKeyAndWindow } from 'dstream';
 *
 * fromBatches([[['a', 1], ['b', 2]], [['a', 3]], []], { interval: 10 })
 *   .pipe(
 *     reduceByKeyAndWindow((a, b) => a + b, { inverse: (a, b) => a - b, window: 20 }),
 *     foreachBatch((sums) => console.log(sums)),
 *   )
 *   .subscribe();
 * // => [ [ 'a', 1 ], [ 'b', 2 ] ]
 * // => [ [ 'a', 4 ], [ 'b', 2 ] ]
 * // => [ [ 'a', 3 ] ]
 * ```
 *
 * @see {@link reduceByKey}
 * @see {@link reduceByWindow}
 * @see {@link aggregateByKeyAndWindow}
 * @see {@link countByValueAndWindow}
 */
export function reduceByKeyAndWindow<K extends Key, V>(
  reduce: (a: V, b: V) => V | TupleHint,
  options: ReduceByKeyAndWindowOptions<K, V> & { readonly emit?: 'all' },
): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, V>>>;
/** Reduces the values of each key over the last `window` ms, every `slide` ms. */
export function reduceByKeyAndWindow<K extends Key, V>(
  reduce: (a: V, b: V) => V | TupleHint,
  options: ReduceByKeyAndWindowOptions<K, V> & { readonly emit: 'changes' },
): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, V | undefined>>>;
export function reduceByKeyAndWindow<K extends Key, V>(
  reduce: (a: V, b: V) => V | TupleHint,
  options: ReduceByKeyAndWindowOptions<K, V> & { readonly emit?: 'all' | 'changes' },
): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, V | undefined>>> {
  checkFunction('reduceByKeyAndWindow', 'reduce', reduce);
  checkOptions('reduceByKeyAndWindow', options, optionChecks);
  const { inverse, filter, emit = 'all' } = options;
  const combine = reduce as (a: V, b: V) => V;
  return slidingKeys<Pair<K, V>, K, V, V>({
    operator: 'reduceByKeyAndWindow',
    options,
    queryable: options.queryable,
    keyed: { reduce: combine, inverse: inverse as ((value: V, old: V) => V) | undefined, filter },
    emit,
    partials: (visit) => reducePairs('reduceByKeyAndWindow', combine, visit),
    lower: (value) => value,
  });
}
