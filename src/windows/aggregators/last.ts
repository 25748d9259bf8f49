import type { Aggregator } from '../aggregator.js';

/**
 * Keeps the newest input; the result is `undefined` for no input.
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
 *
 * @see {@link first}
 * @see {@link max}
 */
export function last<In = unknown>(): Aggregator<In, readonly [In] | readonly [], In | undefined> {
  return {
    name: 'last',
    ordered: true,
    identity: [],
    lift: (input) => [input],
    combine: (older, newer) => (newer.length > 0 ? newer : older),
    lower: (newest) => newest[0],
  };
}
