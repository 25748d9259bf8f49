import type { Aggregator } from '../aggregator.js';

/**
 * Keeps the oldest input; the result is `undefined` for no input.
 *
 * Source: Spark's `first`.
 *
 * @example
 * ```ts
 * import { aggregate, first } from 'dstream/aggregators';
 *
 * console.log(aggregate(first(), ['a', 'b', 'c']));
 * // => a
 * ```
 *
 * @see {@link last}
 * @see {@link min}
 */
export function first<In = unknown>(): Aggregator<In, readonly [In] | readonly [], In | undefined> {
  return {
    name: 'first',
    ordered: true,
    identity: [],
    lift: (input) => [input],
    combine: (older, newer) => (older.length > 0 ? older : newer),
    add: (oldest) => oldest,
    lower: (oldest) => oldest[0],
  };
}
