import type { Aggregator } from '../aggregator.js';

/**
 * Aggregates the oldest input; `undefined` when there are none.
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
 */
export function first<In = unknown>(): Aggregator<In, readonly [In] | readonly [], In | undefined> {
  return {
    name: 'first',
    identity: [],
    lift: (input) => [input],
    combine: (older, newer) => (older.length > 0 ? older : newer),
    add: (oldest) => oldest,
    lower: (oldest) => oldest[0],
  };
}
