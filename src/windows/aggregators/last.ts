import type { Aggregator } from '../aggregator.js';

/**
 * Aggregates the newest input; `undefined` when there are none.
 *
 * Source: Spark's `last`.
 *
 * @example
 * ```ts
 * import { aggregate, last } from 'dstream/aggregators';
 *
 * console.log(aggregate(last(), ['a', 'b', 'c']));
 * // => c
 * ```
 */
export function last<In = unknown>(): Aggregator<In, readonly [In] | readonly [], In | undefined> {
  return {
    name: 'last',
    identity: [],
    lift: (input) => [input],
    combine: (older, newer) => (newer.length > 0 ? newer : older),
    lower: (newest) => newest[0],
  };
}
