import { checkOptions, type OptionChecks } from '../../options/checkOptions.js';
import { checkBoolean } from '../../options/checks.js';
import type { Aggregator } from '../aggregator.js';

/** The partial of `variance`. */
export interface VariancePartial {
  /** Number of inputs. */
  readonly count: number;
  /** Their mean. */
  readonly mean: number;
  /** Sum of the squared distances from the mean. */
  readonly squares: number;
}

/** Options of `variance`. */
export interface VarianceOptions {
  /**
   * Whether the inputs are a sample: then the sum of squares is divided by one less than their number.
   * @default false
   */
  readonly sample?: boolean | undefined;
}

const optionChecks: OptionChecks<VarianceOptions> = { sample: checkBoolean };

/**
 * Computes the variance of numbers; NaN for no input (of a sample: fewer than two). For a field of a record use
 * `mapRecords` or `mapValues` before it.
 *
 * It has no inverse on purpose: subtracting sums of squares loses the digits that matter.
 *
 * Source: Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances", 1979;
 * Spark's `StatCounter`.
 *
 * @throws {InvalidOptionError} when `sample` is not a boolean
 *
 * @example
 * ```ts
 * import { aggregate, variance } from 'dstream/aggregators';
 *
 * console.log(aggregate(variance(), [2, 4, 6, 8]));
 * // => 5
 * console.log(aggregate(variance({ sample: true }), [2, 4, 9]));
 * // => 13
 * ```
 *
 * @see {@link mean}
 */
export function variance(options: VarianceOptions = {}): Aggregator<number, VariancePartial, number> {
  checkOptions('variance', options, optionChecks);
  const { sample = false } = options;
  return {
    // A sample keeps the same partials.
    name: 'variance',
    identity: { count: 0, mean: 0, squares: 0 },
    lift: (mean) => ({ count: 1, mean, squares: 0 }),
    combine: (a, b) => {
      if (a.count === 0) return b;
      if (b.count === 0) return a;
      const count = a.count + b.count;
      const distance = b.mean - a.mean;
      return {
        count,
        mean: a.mean + (distance * b.count) / count,
        squares: a.squares + b.squares + (distance * distance * a.count * b.count) / count,
      };
    },
    lower: ({ count, squares }) => {
      const divisor = sample ? count - 1 : count;
      return divisor > 0 ? squares / divisor : Number.NaN;
    },
  };
}
