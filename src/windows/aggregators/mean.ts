import { checkFunction } from '../../options/checks.js';
import { addExact, type ExactSum, exactSum, roundExact, subtractExact } from '../exactSum.js';
import type { InvertibleAggregator } from '../invertibleAggregator.js';

/** The partial of `mean`. */
export interface MeanPartial {
  /** Number of inputs. */
  readonly count: number;
  /** Their exact sum. */
  readonly sum: ExactSum;
}

/**
 * Computes the arithmetic mean of numbers, or of what `of` returns for each input; NaN for no input. Internally exact,
 * like `sum`.
 *
 * Source: Spark's `mean`.
 *
 * @throws {InvalidOptionError} when `of` is not a function
 *
 * @example
 * ```ts
 * import { aggregate, mean } from 'dstream/aggregators';
 *
 * console.log(aggregate(mean(), [1, 2, 6]));
 * // => 3
 * ```
 *
 * @see {@link sum}
 * @see {@link variance}
 */
export function mean(): InvertibleAggregator<number, MeanPartial, number>;
/** Computes the arithmetic mean of numbers, or of what `of` returns for each input; NaN for no input. */
export function mean<In>(of: (input: In) => number): InvertibleAggregator<In, MeanPartial, number>;
export function mean(
  of: (input: number) => number = (input) => input,
): InvertibleAggregator<number, MeanPartial, number> {
  checkFunction('mean', 'of', of);
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
