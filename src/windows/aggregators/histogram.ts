import { InvalidOptionError } from '../../batch/errors.js';
import type { InvertibleAggregator } from '../invertibleAggregator.js';

/**
 * Counts the numbers between bounds: with bounds b0 < b1 < ... the result is the number of inputs below b0, in [b0, b1),
 * and so on, and last of those at or above the last bound. NaN is counted nowhere.
 *
 * Source: Spark's `histogram` for a list of buckets, with two more for what lies outside.
 *
 * @throws {InvalidOptionError} if the bounds are not ascending numbers
 *
 * @example
 * ```ts
 * import { aggregate, histogram } from 'dstream/aggregators';
 *
 * console.log(aggregate(histogram([10, 100]), [5, 10, 50, 100, 2_000]));
 * // => [ 1, 2, 2 ]
 * ```
 *
 * @see {@link count}
 * @see {@link topN}
 */
export function histogram(
  bounds: readonly number[],
): InvertibleAggregator<number, readonly number[], readonly number[]> {
  const ascending = (bound: unknown, i: number) =>
    typeof bound === 'number' && (i === 0 ? !Number.isNaN(bound) : bound > (bounds[i - 1] as number));
  if (!Array.isArray(bounds) || !bounds.every(ascending)) {
    throw new InvalidOptionError('histogram', 'bounds', bounds, 'must be ascending numbers');
  }
  const limits = [...bounds];
  const identity: readonly number[] = new Array<number>(limits.length + 1).fill(0);
  const add = (counts: readonly number[], input: number): readonly number[] => {
    const bin = Number.isNaN(input) ? -1 : binOf(limits, input);
    const own = counts as number[];
    if (bin >= 0) own[bin] = (own[bin] as number) + 1;
    return own;
  };
  return {
    name: `histogram(${limits.join()})`,
    identity,
    lift: (input) => add([...identity], input),
    combine: (a, b) => a.map((n, i) => n + (b[i] as number)),
    invert: (a, b) => a.map((n, i) => n - (b[i] as number)),
    exact: true,
    add,
    lower: (counts) => counts,
  };
}

/** How many bounds are at or below the value. */
function binOf(bounds: readonly number[], value: number): number {
  let from = 0;
  let until = bounds.length;
  while (from < until) {
    const middle = (from + until) >> 1;
    if ((bounds[middle] as number) <= value) from = middle + 1;
    else until = middle;
  }
  return from;
}
