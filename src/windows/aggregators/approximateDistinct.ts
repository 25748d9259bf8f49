import { InvalidOptionError, InvalidRecordError } from '../../batch/errors.js';
import type { Key } from '../../batch/key.js';
import { checkOptions, type OptionChecks } from '../../options/checkOptions.js';
import type { Aggregator } from '../aggregator.js';
import { type DistinctSketch, HyperLogLog } from '../sketches/hyperLogLog.js';

/** Options of `approximateDistinct`. */
export interface ApproximateDistinctOptions {
  /**
   * The number of bits of a hash that choose its register, from 4 to 18: there are 2^precision registers of a byte each. The standard error of a count is 1.04 / sqrt(2^precision): 1.6 % with
   * 12, 0.8 % with 14.
   * @default 12
   */
  readonly precision?: number | undefined;
}

const optionChecks: OptionChecks<ApproximateDistinctOptions> = { precision: checkPrecision };

function checkPrecision(owner: string, option: string, precision: number): void {
  if (Number.isInteger(precision) && precision >= 4 && precision <= 18) return;
  throw new InvalidOptionError(owner, option, precision, 'must be an integer from 4 to 18');
}

/**
 * Counts distinct keys, about, in a bounded amount of memory: 4 KiB with the default precision, and less while there are few. `set` counts
 * exactly and keeps every value; `countDistinctByWindow` counts a window exactly.
 *
 * Sketches combine without any further error, in any order: a window has the same count whatever its batches.
 *
 * Source: HyperLogLog; Spark's `approx_count_distinct`.
 *
 * @throws {InvalidOptionError} if `precision` is not an integer from 4 to 18
 *
 * @example
 * ```ts
 * import { aggregate, approximateDistinct } from 'dstream/aggregators';
 *
 * console.log(aggregate(approximateDistinct(), ['ann', 'bob', 'ann', 'eve']));
 * // => 3
 * ```
 *
 * @see {@link set}
 * @see {@link quantiles}
 */
export function approximateDistinct<K extends Key = Key>(
  options: ApproximateDistinctOptions = {},
): Aggregator<K, DistinctSketch, number> {
  checkOptions('approximateDistinct', options, optionChecks);
  const { precision = 12 } = options;
  const sketches = new HyperLogLog(precision);
  const add = (sketch: DistinctSketch, key: K) => sketches.add(sketch, checked(key));
  return {
    name: `approximateDistinct(${precision})`,
    identity: [],
    lift: (key) => add([], key),
    combine: (older, newer) => sketches.merge(older, newer),
    add,
    lower: (sketch) => Math.round(sketches.estimate(sketch)),
  };
}

function checked<K extends Key>(key: K): K {
  if ((typeof key === 'object' && key !== null) || key === undefined || typeof key === 'function') {
    throw new InvalidRecordError('approximateDistinct', key, 'is not a key: string, number, bigint, boolean or null');
  }
  return key;
}
