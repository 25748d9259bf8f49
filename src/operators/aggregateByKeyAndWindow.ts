import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { Key, Pair } from '../batch/key.js';
import { checkOptions, type OptionChecks } from '../options/checkOptions.js';
import { checkFunction, oneOf } from '../options/checks.js';
import type { Aggregator } from '../windows/aggregator.js';
import { aggregatorSignature } from '../windows/aggregatorSignature.js';
import { checkAggregator } from '../windows/checkAggregator.js';
import type { InvertibleAggregator } from '../windows/invertibleAggregator.js';
import { partialsByKey } from '../windows/partialsByKey.js';
import { type AggregateWindowOptions, aggregateWindowChecks, checkInverse, inverseOf } from './aggregatorOptions.js';
import { type QueryableOption, queryableChecks } from './base/queryableOption.js';
import { slidingKeys } from './base/slidingKeys.js';

/** Options of `aggregateByKeyAndWindow`. */
export interface AggregateByKeyAndWindowOptions<K extends Key, Out, Emit extends 'all' | 'changes'>
  extends AggregateWindowOptions,
    QueryableOption<K, Out> {
  /**
   * Keeps a key only while it returns true; a key that is dropped also leaves the window. Called for the keys that a slide
   * touches. Default: every key is kept.
   */
  readonly filter?: ((pair: Pair<K, Out>) => boolean) | undefined;
  /**
   * `'all'` emits a pair for every key in the window, `'changes'` only for keys whose value may have changed, and
   * `[key, undefined]` once for a key that left.
   * @default 'all'
   */
  readonly emit?: Emit | undefined;
}

const optionChecks: OptionChecks<AggregateByKeyAndWindowOptions<never, never, 'all' | 'changes'>> = {
  ...aggregateWindowChecks,
  ...queryableChecks,
  filter: checkFunction,
  emit: oneOf('all', 'changes'),
};

/**
 * Aggregates the values of each key over the last `window` ms, every `slide` ms.
 *
 * Takes batches of pairs. Emits one pair per key, in one partition. A key leaves the window with the last batch that
 * contained it.
 *
 * A slide costs what enters and what leaves, not what the window contains; `emit: 'all'` adds one pair per key.
 *
 * Source: Spark's `reduceByKeyAndWindow`, over an aggregator.
 *
 * @throws {InvalidOptionError} if the aggregator lacks a part, an option is out of its range, or `inverse` is `true` and
 * the aggregator has no inverse; as a notification, at the first batch, if `window` or `slide` is not a multiple of the
 * batch interval
 * @throws {InvalidRecordError} (as a notification) if a record is not a pair, or its key is an object
 * @throws {IncompatibleStateError} (as a notification) if the checkpoint contains panes of another aggregator
 *
 * @example
 * ```ts
 * import { aggregateByKeyAndWindow, foreachBatch, fromBatches } from 'dstream';
 * import { max } from 'dstream/aggregators';
 *
 * fromBatches([[['a', 3], ['b', 2]], [['a', 1]], []], { interval: 10 })
 *   .pipe(
 *     aggregateByKeyAndWindow(max(), { window: 20 }),
 *     foreachBatch((highest) => console.log(highest)),
 *   )
 *   .subscribe();
 * // => [ [ 'a', 3 ], [ 'b', 2 ] ]
 * // => [ [ 'a', 3 ], [ 'b', 2 ] ]
 * // => [ [ 'a', 1 ] ]
 * ```
 *
 * @see {@link aggregateByWindow}
 * @see {@link aggregateByKey}
 * @see {@link reduceByKeyAndWindow}
 */
export function aggregateByKeyAndWindow<K extends Key, In, P, Out, Emit extends 'all' | 'changes' = 'all'>(
  aggregator: InvertibleAggregator<In, P, Out>,
  options: AggregateByKeyAndWindowOptions<K, Out, Emit>,
): OperatorFunction<Batch<Pair<K, In>>, Batch<Pair<K, Emit extends 'all' ? Out : Out | undefined>>>;
/** Aggregates the values of each key over the last `window` ms, every `slide` ms. */
export function aggregateByKeyAndWindow<K extends Key, In, P, Out, Emit extends 'all' | 'changes' = 'all'>(
  aggregator: Aggregator<In, P, Out>,
  options: AggregateByKeyAndWindowOptions<K, Out, Emit> & { readonly inverse?: false },
): OperatorFunction<Batch<Pair<K, In>>, Batch<Pair<K, Emit extends 'all' ? Out : Out | undefined>>>;
export function aggregateByKeyAndWindow<K extends Key, In, P, Out>(
  aggregator: Aggregator<In, P, Out>,
  options: AggregateByKeyAndWindowOptions<K, Out, 'all' | 'changes'>,
): OperatorFunction<Batch<Pair<K, In>>, Batch<Pair<K, Out | undefined>>> {
  const operator = 'aggregateByKeyAndWindow';
  checkAggregator(operator, 'aggregator', aggregator);
  checkOptions(operator, options, optionChecks);
  checkInverse(operator, aggregator, options.inverse);
  const { filter, emit = 'all', latency } = options;
  const { combine, lower } = aggregator;
  const invertible = inverseOf(aggregator, options.inverse);
  return slidingKeys<Pair<K, In>, K, P, Out>({
    operator,
    options,
    queryable: options.queryable,
    signature: aggregatorSignature(aggregator),
    keyed: {
      reduce: combine,
      inverse: invertible?.invert,
      exact: invertible?.exact ?? false,
      filter: filter && (([key, partial]) => filter([key, lower(partial)])),
      latency,
    },
    emit,
    partials: (visit) => partialsByKey(operator, aggregator, visit),
    lower,
  });
}
