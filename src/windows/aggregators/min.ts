import { checkFunction } from '../../options/checks.js';
import type { Aggregator } from '../aggregator.js';
import { extreme } from './extreme.js';

/**
 * Keeps the least input: by `<`, or by a comparison as for `Array.prototype.sort`. Of equal inputs the oldest stays; NaN is
 * less than anything, as in `Math.min`. The result is `undefined` for no input.
 *
 * Source: Spark's `min`.
 *
 * @throws {InvalidOptionError} when `compare` is not a function
 *
 * @example
 * ```ts
 * import { aggregate, min } from 'dstream/aggregators';
 *
 * console.log(aggregate(min(), [3, 1, 2]));
 * // => 1
 * const cheapest = min<{ name: string; price: number }>((a, b) => a.price - b.price);
 * console.log(aggregate(cheapest, [{ name: 'pen', price: 2 }, { name: 'cap', price: 1 }])?.name);
 * // => cap
 * ```
 *
 * @see {@link max}
 * @see {@link first}
 */
export function min<In extends number | bigint | string = number>(): Aggregator<In, In | undefined, In | undefined>;
/** Keeps the least input: by `<`, or by a comparison as for `Array.prototype.sort`. */
export function min<In>(compare: (a: In, b: In) => number): Aggregator<In, In | undefined, In | undefined>;
export function min<In>(compare?: (a: In, b: In) => number): Aggregator<In, In | undefined, In | undefined> {
  if (compare !== undefined) checkFunction('min', 'compare', compare);
  if (compare) return extreme('min', (newer, older) => compare(newer, older) < 0, true);
  return extreme('min', (newer, older) => newer < older || Number.isNaN(newer));
}
