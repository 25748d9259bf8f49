import { checkFunction } from '../../options/checks.js';
import type { Aggregator } from '../aggregator.js';
import { extreme } from './extreme.js';

/**
 * Keeps the greatest input: by `>`, or by a comparison as for `Array.prototype.sort`. Of equal inputs the oldest stays; NaN
 * is greater than anything, as in `Math.max`. The result is `undefined` for no input.
 *
 * Source: Spark's `max`.
 *
 * @throws {InvalidOptionError} when `compare` is not a function
 *
 * @example
 * ```ts
 * import { aggregate, max } from 'dstream/aggregators';
 *
 * console.log(aggregate(max(), [3, 1, 2]));
 * // => 3
 * const dearest = max<{ name: string; price: number }>((a, b) => a.price - b.price);
 * console.log(aggregate(dearest, [{ name: 'pen', price: 2 }, { name: 'cap', price: 1 }])?.name);
 * // => pen
 * ```
 *
 * @see {@link min}
 * @see {@link topN}
 */
export function max<In extends number | bigint | string = number>(): Aggregator<In, In | undefined, In | undefined>;
/** Keeps the greatest input: by `>`, or by a comparison as for `Array.prototype.sort`. */
export function max<In>(compare: (a: In, b: In) => number): Aggregator<In, In | undefined, In | undefined>;
export function max<In>(compare?: (a: In, b: In) => number): Aggregator<In, In | undefined, In | undefined> {
  if (compare !== undefined) checkFunction('max', 'compare', compare);
  if (compare) return extreme('max', (newer, older) => compare(newer, older) > 0, true);
  return extreme('max', (newer, older) => newer > older || Number.isNaN(newer));
}
