import { checkFunction, checkPositiveInteger } from '../../options/checks.js';
import type { Aggregator } from '../aggregator.js';

/**
 * Keeps the `n` greatest inputs, greatest first: by `<`, or by a comparison as for `Array.prototype.sort`. Of equal inputs
 * the older comes first; NaN comes last.
 *
 * Source: Spark's `top`.
 *
 * @throws {InvalidOptionError} if `n` is not a positive integer
 *
 * @example
 * ```ts
 * import { aggregate, topN } from 'dstream/aggregators';
 *
 * console.log(aggregate(topN(2), [3, 1, 4, 1, 5]));
 * // => [ 5, 4 ]
 * ```
 *
 * @see {@link max}
 * @see {@link histogram}
 */
export function topN<In extends number | bigint | string = number>(
  n: number,
): Aggregator<In, readonly In[], readonly In[]>;
/** Keeps the `n` greatest inputs, greatest first: by `<`, or by a comparison as for `Array.prototype.sort`. */
export function topN<In>(n: number, compare: (a: In, b: In) => number): Aggregator<In, readonly In[], readonly In[]>;
export function topN<In>(
  n: number,
  compare: (a: In, b: In) => number = ascending,
): Aggregator<In, readonly In[], readonly In[]> {
  checkPositiveInteger('topN', 'n', n);
  checkFunction('topN', 'compare', compare);
  return {
    name: `topN(${n})`,
    ordered: compare !== ascending,
    identity: [],
    lift: (input) => [input],
    combine: (older, newer) => merge(older, newer, n, compare),
    // An input that is not among the greatest, as most are not, costs one comparison.
    add: (top, input) =>
      top.length === n && compare(input, top[n - 1] as In) <= 0 ? top : merge(top, [input], n, compare),
    lower: (top) => top,
  };
}

function ascending(a: unknown, b: unknown): number {
  if ((a as number) < (b as number)) return -1;
  if ((a as number) > (b as number)) return 1;
  return Number(Number.isNaN(b)) - Number(Number.isNaN(a));
}

function merge<In>(older: readonly In[], newer: readonly In[], n: number, compare: (a: In, b: In) => number): In[] {
  const merged: In[] = [];
  const length = Math.min(n, older.length + newer.length);
  let i = 0;
  let j = 0;
  while (merged.length < length) {
    const takeNewer = i === older.length || (j < newer.length && compare(newer[j] as In, older[i] as In) > 0);
    merged.push((takeNewer ? newer[j++] : older[i++]) as In);
  }
  return merged;
}
