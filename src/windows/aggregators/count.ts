import type { InvertibleAggregator } from '../invertibleAggregator.js';

/**
 * Counts the inputs.
 *
 * Source: Spark's `count`.
 *
 * @example
 * ```ts
 * import { aggregate, count } from 'dstream/aggregators';
 *
 * console.log(aggregate(count(), ['a', 'b', 'b']));
 * // => 3
 * ```
 *
 * @see {@link sum}
 * @see {@link countByWindow}
 */
export function count<In = unknown>(): InvertibleAggregator<In, number, number> {
  return {
    name: 'count',
    identity: 0,
    lift: () => 1,
    combine: (older, newer) => older + newer,
    invert: (value, older) => value - older,
    exact: true,
    lower: (counted) => counted,
  };
}
