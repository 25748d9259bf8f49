import { addExact, type ExactSum, exactSum, roundExact, subtractExact } from '../exactSum.js';
import type { InvertibleAggregator } from '../invertibleAggregator.js';

/**
 * Aggregates the sum of numbers, or of what `of` takes from each input; 0 when there are none.
 *
 * The sum is exact inside and rounded once: it does not drift, does not depend on the order, and a value that has left
 * leaves nothing behind. NaN and infinities count only while they are there.
 *
 * Source: Spark's `sum`; Shewchuk's expansions.
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
 */
export function sum(): InvertibleAggregator<number, ExactSum, number>;
export function sum<In>(of: (input: In) => number): InvertibleAggregator<In, ExactSum, number>;
export function sum(of: (input: number) => number = (input) => input): InvertibleAggregator<number, ExactSum, number> {
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
