import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { Key, Pair } from '../batch/key.js';
import { reducePairs } from '../collections/pairs.js';
import { checkFunction, checkOneOf } from '../options/checks.js';
import { slidingKeys } from './base/slidingKeys.js';
import type { WindowOptions } from './windowOptions.js';

export interface ReduceByKeyAndWindowOptions<K extends Key, V> extends WindowOptions {
  /**
   * Takes the values that leave the window out of its value: `inverse(reduce(a, b), a)` must equal `b`. Called once a key
   * and slide, before the new values come in. Without it the window is kept by two stacks, which costs little more and
   * cannot drift.
   */
  readonly inverse?: (value: V, old: V) => V;
  /** Keeps a key only while it gives true; a key that is dropped leaves the window too. */
  readonly filter?: (pair: Pair<K, V>) => boolean;
}

/**
 * Reduces the values of each key over the last `window` ms, every `slide` ms.
 *
 * Takes batches of pairs; gives one pair a key, in one partition: with `emit: 'all'` (the default) for every key in the
 * window, with `'changes'` only for those whose value may have changed, and `[key, undefined]` once for one that left.
 * A key leaves when the last batch that had it does (Spark keeps it, at zero, until a filter drops it).
 *
 * A slide costs what comes and what goes, not what the window holds; `emit: 'all'` adds one pair for each key.
 *
 * Source: Spark's `reduceByKeyAndWindow`.
 *
 * @throws {InvalidOptionError} when an option is out of its range; as a notification at the first batch when `window` or
 * `slide` is no multiple of the batch interval
 * @throws {InvalidRecordError} (as a notification) when a record is no pair, or its key is an object
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
 */
export function reduceByKeyAndWindow<K extends Key, V>(
  reduce: (a: V, b: V) => V,
  options: ReduceByKeyAndWindowOptions<K, V> & { readonly emit?: 'all' },
): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, V>>>;
export function reduceByKeyAndWindow<K extends Key, V>(
  reduce: (a: V, b: V) => V,
  options: ReduceByKeyAndWindowOptions<K, V> & { readonly emit: 'changes' },
): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, V | undefined>>>;
export function reduceByKeyAndWindow<K extends Key, V>(
  reduce: (a: V, b: V) => V,
  options: ReduceByKeyAndWindowOptions<K, V> & { readonly emit?: 'all' | 'changes' },
): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, V | undefined>>> {
  const { inverse, filter, emit = 'all' } = options;
  checkFunction('reduceByKeyAndWindow', 'reduce', reduce);
  if (inverse !== undefined) checkFunction('reduceByKeyAndWindow', 'inverse', inverse);
  if (filter !== undefined) checkFunction('reduceByKeyAndWindow', 'filter', filter);
  checkOneOf('reduceByKeyAndWindow', 'emit', emit, ['all', 'changes']);
  return slidingKeys<Pair<K, V>, K, V, V>({
    operator: 'reduceByKeyAndWindow',
    options,
    keyed: { reduce, inverse, filter },
    emit,
    partials: (visit) => reducePairs('reduceByKeyAndWindow', reduce, visit),
    lower: (value) => value,
  });
}
