import { InvalidOptionError, InvalidRecordError } from '../../batch/errors.js';
import { checkOptions, type OptionChecks } from '../../options/checkOptions.js';
import { arrayOf, checkPositiveInteger } from '../../options/checks.js';
import type { Aggregator } from '../aggregator.js';
import { emptySketch, type QuantileSketch, TDigest } from '../sketches/tDigest.js';

/** Options of `quantiles`. */
export interface QuantilesOptions {
  /**
   * About how many centroids a sketch has: more are more precise, and take more memory (16 bytes each).
   * @default 100
   */
  readonly compression?: number | undefined;
}

const optionChecks: OptionChecks<QuantilesOptions> = { compression: checkPositiveInteger };

function checkFraction(owner: string, option: string, fraction: unknown): void {
  if (typeof fraction === 'number' && fraction >= 0 && fraction <= 1) return;
  throw new InvalidOptionError(owner, option, fraction, 'must be from 0 to 1');
}

/**
 * Estimates quantiles of numbers, such as the median and the 99th percentile: for each fraction, the value below which that part of the
 * inputs is; NaN for no input. 0 is the least and 1 the greatest, exactly.
 *
 * A sketch keeps about a hundred centroids whatever the number of inputs. The estimates are most precise near the ends: the fraction below
 * the 99th percentile is wrong by about a thousandth. Partials may be combined in any order; the order changes the last digits,
 * so a window may differ in them after a restart.
 *
 * Source: t-digest; Spark's `approx_percentile`.
 *
 * @throws {InvalidOptionError} if a fraction is not from 0 to 1, or `compression` is not a positive integer
 * @throws {InvalidRecordError} (as a notification) if an input is not a finite number
 *
 * @example
 * ```ts
 * import { aggregate, quantiles } from 'dstream/aggregators';
 *
 * const delays = Array.from({ length: 101 }, (_, i) => i);
 * console.log(aggregate(quantiles([0, 0.5, 1]), delays).map(Math.round));
 * // => [ 0, 50, 100 ]
 * ```
 *
 * @see {@link histogram}
 * @see {@link approximateDistinct}
 */
export function quantiles(
  fractions: readonly number[],
  options: QuantilesOptions = {},
): Aggregator<number, QuantileSketch, readonly number[]> {
  arrayOf(checkFraction)('quantiles', 'fractions', fractions as never);
  checkOptions('quantiles', options, optionChecks);
  const { compression = 100 } = options;
  const digest = new TDigest(compression);
  return {
    // The partials do not depend on the fractions.
    name: `quantiles(${compression})`,
    identity: emptySketch,
    lift: (value) => digest.of(checked(value)),
    combine: (older, newer) => digest.combine(older, newer),
    add: (sketch, value) => digest.add(sketch, checked(value)),
    lower: (sketch) => digest.quantiles(sketch, fractions),
  };
}

function checked(value: number): number {
  if (!Number.isFinite(value)) throw new InvalidRecordError('quantiles', value, 'must be a finite number');
  return value;
}
