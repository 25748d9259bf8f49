import { checkFunction } from '../../options/checks.js';
import { addExact, type ExactSum, exactSum, roundExact, subtractExact } from '../exactSum.js';
import type { InvertibleAggregator } from '../invertibleAggregator.js';

/**
 * Sums numbers, or what `of` returns for each input; 0 for no input.
 *
 * The sum is exact internally and rounded once: it does not drift, does not depend on the order, and a value that has left
 * leaves nothing behind. NaN and infinities count only while they are in the window.
 *
 * Source: Spark's `sum`; Shewchuk's expansions.
 *
 * @throws {InvalidOptionError} when `of` is not a function
 *
 * @example
 * ```ts
 * import { aggregate, sum } from 'dstream/aggregators';
 *
 * console.log(aggregate(sum(), [1e17, 1, -1e17]));
 * // => 1
 * console.log(aggregate(sum((order: { amount: number }) => order.amount), [{ amount: 2 }, { amount: 3 }]));
 * // => 5
 * ```
 *
 * @see {@link mean}
 * @see {@link count}
 */
export function sum(): InvertibleAggregator<number, ExactSum, number>;
/** Sums numbers, or what `of` returns for each input; 0 for no input. */
export function sum<In>(of: (input: In) => number): InvertibleAggregator<In, ExactSum, number>;
export function sum(of: (input: number) => number = (input) => input): InvertibleAggregator<number, ExactSum, number> {
  checkFunction('sum', 'of', of);
  return {
    name: 'sum',
    identity: 0,
    lift: (input) => exactSum(of(input)),
    combine: addExact,
    invert: subtractExact,
    exact: true,
    lower: roundExact,
  };
}
