import { checkFunction } from '../../options/checks.js';
import type { Aggregator } from '../aggregator.js';

/**
 * Collects the distinct inputs, or what `of` returns for them, in the order of their first appearance. Values are equal if
 * a `Set` considers them equal.
 *
 * A combination costs the size of both sets: for very many values a sketch, or a window by key, costs less.
 *
 * Source: Spark's `collect_set`.
 *
 * @throws {InvalidOptionError} when `of` is not a function
 *
 * @example
 * ```ts
 * import { aggregate, set } from 'dstream/aggregators';
 *
 * console.log([...aggregate(set(), ['a', 'b', 'a'])]);
 * // => [ 'a', 'b' ]
 * ```
 *
 * @see {@link countDistinctByWindow}
 * @see {@link topN}
 */
export function set<T = unknown>(): Aggregator<T, ReadonlySet<T>, ReadonlySet<T>>;
/** Collects the distinct inputs, or what `of` returns for them, in the order of their first appearance. */
export function set<In, T>(of: (input: In) => T): Aggregator<In, ReadonlySet<T>, ReadonlySet<T>>;
export function set<T>(of: (input: T) => T = (input) => input): Aggregator<T, ReadonlySet<T>, ReadonlySet<T>> {
  checkFunction('set', 'of', of);
  return {
    name: 'set',
    ordered: true,
    identity: new Set(),
    lift: (input) => new Set([of(input)]),
    combine: (older, newer) => {
      if (older.size === 0) return newer;
      return newer.size === 0 ? older : new Set([...older, ...newer]);
    },
    add: (values, input) => (values as Set<T>).add(of(input)),
    lower: (values) => values,
  };
}
