import { InvalidOptionError } from '../batch/errors.js';
import { checkOptions, type OptionChecks, required } from '../options/checkOptions.js';
import { checkPositive, checkPositiveInteger } from '../options/checks.js';

/** Options of `dynamicInterval`. */
export interface DynamicIntervalOptions {
  /** The shortest interval, in ms. Greater than 0. */
  readonly minInterval: number;
  /**
   * The longest interval, in ms, a whole number of at least `minInterval`. In a stream the interval is always one of its
   * divisors, so choose one that has many, such as 10_000, and windows and slides are its multiples.
   */
  readonly maxInterval: number;
  /**
   * The part of an interval that its batch is to take. Greater than 0, less than 1.
   * @default 0.8
   */
  readonly slack?: number | undefined;
  /**
   * By how much the interval shrinks when longer batches cost more for each ms of their interval than shorter ones.
   * Greater than 0, less than 1.
   * @default 0.25
   */
  readonly reduction?: number | undefined;
}

/** A complete batch: its interval, and how long it was processed, in ms. */
export interface IntervalSample {
  /** The interval of the batch, in ms. */
  readonly interval: number;
  /** How long the batch was processed, in ms. */
  readonly processingTime: number;
}

/** Returns the next batch interval, in ms, from the last two complete batches. The option `dynamicInterval` takes it. */
export interface DynamicInterval {
  (last: IntervalSample, previous?: IntervalSample): number;
  /** The shortest interval, in ms. */
  readonly minInterval: number;
  /** The longest interval, in ms. */
  readonly maxInterval: number;
}

const dynamicIntervalChecks: OptionChecks<DynamicIntervalOptions> = {
  minInterval: required(checkPositive),
  maxInterval: required(checkPositiveInteger),
  slack: checkPart,
  reduction: checkPart,
};

/**
 * The next batch interval, in whole ms, from the last two complete batches: a search for the shortest interval whose
 * batch is processed in a given part of it, for a stream of which every batch takes all that has arrived.
 *
 *     next = processingTime / slack                   a fixed point has processingTime = slack * interval
 *     next = (1 - reduction) * the shorter interval   when the longer one took more than its slack, and relatively more
 *                                                     than the shorter one: the cost is superlinear
 *
 * Pure: it keeps nothing between calls. The search comes to rest only while the slack is above the part of its time that
 * the stream spends on records: with `a` ms for a batch and a load of `u` ms of records for each ms, it rests at
 * `a / (slack - u)`, and runs into `maxInterval` when `u` reaches the slack.
 *
 * Source: Das, Zhong, Stoica, Shenker, "Adaptive Stream Processing using Dynamic Batch Sizing" (2014).
 *
 * @throws {InvalidOptionError} when an option is out of its range
 *
 * @example
 * ```ts
 * import { dynamicInterval } from 'dstream';
 *
 * const next = dynamicInterval({ minInterval: 100, maxInterval: 10_000 });
 * // 200 ms for a batch, and half of its interval for the records that arrived in it.
 * const process = (interval: number) => ({ interval, processingTime: 200 + 0.5 * interval });
 * const samples = [process(1_000)];
 * for (let i = 0; i < 5; i++) samples.push(process(next(samples[i]!, samples[i - 1])));
 * console.log(samples.map(({ interval }) => interval).join(' '));
 * // => 1000 875 797 748 718 699
 * ```
 */
export function dynamicInterval(options: DynamicIntervalOptions): DynamicInterval {
  checkOptions('dynamicInterval', options, dynamicIntervalChecks);
  const { minInterval, maxInterval, slack = 0.8, reduction = 0.25 } = options;
  if (maxInterval < minInterval) {
    const rule = `must be at least minInterval (${minInterval})`;
    throw new InvalidOptionError('dynamicInterval', 'maxInterval', maxInterval, rule);
  }
  const next = (last: IntervalSample, previous?: IntervalSample) => {
    const shorter = previous && shorterOf(last, previous, slack);
    const wanted = shorter ? (1 - reduction) * shorter.interval : last.processingTime / slack;
    return Math.min(Math.max(Math.round(wanted), minInterval), maxInterval);
  };
  return Object.assign(next, { minInterval, maxInterval });
}

/** The shorter of two, when the cost is superlinear between them and the longer one is over its slack. */
function shorterOf(a: IntervalSample, b: IntervalSample, slack: number): IntervalSample | undefined {
  const [short, long] = a.interval < b.interval ? [a, b] : [b, a];
  const load = ({ interval, processingTime }: IntervalSample) => processingTime / interval;
  const superlinear = short.interval < long.interval && load(long) > load(short) && load(long) > slack;
  return superlinear ? short : undefined;
}

function checkPart(owner: string, option: string, value: number): void {
  checkPositive(owner, option, value);
  if (value >= 1) throw new InvalidOptionError(owner, option, value, 'must be less than 1');
}
