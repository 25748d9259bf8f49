import { addExact, type ExactSum, exactSum, roundExact, subtractExact } from '../exactSum.js';
import type { InvertibleAggregator } from '../invertibleAggregator.js';

/** What `mean` keeps. */
export interface MeanPartial {
  readonly count: number;
  readonly sum: ExactSum;
}

/**
 * Aggregates the arithmetic mean of numbers, or of what `of` takes from each input; NaN when there are none. Exact inside,
 * as `sum` is.
 *
 * Source: Spark's `mean`.
 *
 * @example
 * ```ts
 * import { aggregate, mean } from 'dstream/aggregators';
 *
 * console.log(aggregate(mean(), [1, 2, 6]));
 * // => 3
 * ```
 */
export function mean(): InvertibleAggregator<number, MeanPartial, number>;
export function mean<In>(of: (input: In) => number): InvertibleAggregator<In, MeanPartial, number>;
export function mean(
  of: (input: number) => number = (input) => input,
): InvertibleAggregator<number, MeanPartial, number> {
  return {
    name: 'mean',
    identity: { count: 0, sum: 0 },
    lift: (input) => ({ count: 1, sum: exactSum(of(input)) }),
    combine: (a, b) => ({ count: a.count + b.count, sum: addExact(a.sum, b.sum) }),
    invert: (a, b) => ({ count: a.count - b.count, sum: subtractExact(a.sum, b.sum) }),
    exact: true,
    lower: (partial) => roundExact(partial.sum) / partial.count,
  };
}
