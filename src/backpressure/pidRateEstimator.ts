import { checkOptions, type OptionChecks, required } from '../options/checkOptions.js';
import { checkNonNegative, checkPositive } from '../options/checks.js';

/** In records per second. */
export const defaultMinRate = 100;

/** Gains and floor of the PID estimator. */
export interface PidOptions {
  /**
   * Gain on the error, the difference between the last rate and the rate at which the batch was processed: a factor of at
   * least 0.
   * @default 1
   */
  readonly proportional?: number | undefined;
  /**
   * Gain on the backlog, which the scheduling delay measures: a factor of at least 0.
   * @default 0.2
   */
  readonly integral?: number | undefined;
  /**
   * Gain on the change of the error: a factor of at least 0.
   * @default 0
   */
  readonly derivative?: number | undefined;
  /**
   * Floor of the estimate, in records per second. Greater than 0.
   * @default 100
   */
  readonly minRate?: number | undefined;
}

/** Options of `pidRateEstimator`. */
export interface PidRateEstimatorOptions extends PidOptions {
  /** Batch interval in ms. */
  readonly batchInterval: number;
}

/** What each gain, and the floor, must be. */
export const pidChecks: OptionChecks<PidOptions> = {
  proportional: checkNonNegative,
  integral: checkNonNegative,
  derivative: checkNonNegative,
  minRate: checkPositive,
};

const estimatorChecks: OptionChecks<PidRateEstimatorOptions> = {
  batchInterval: required(checkPositive),
  ...pidChecks,
};

/** The estimator of `pid`, one per source. */
export interface PidRateEstimator {
  /**
   * Estimates the rate that can be kept up, in records per second.
   *
   * @param time when the processing of the batch ended, ms
   * @param numElements records in the batch
   * @param processingDelay how long the batch was processed, ms
   * @param schedulingDelay how long it waited before, ms
   * @returns `undefined` when there is no estimate: at the first call, for an empty batch, for one that took no time, and
   * for one that is not newer than the last
   */
  compute(time: number, numElements: number, processingDelay: number, schedulingDelay: number): number | undefined;
}

/**
 * Spark's rate estimator, to the bit. It follows the rate at which the last batch was processed, less what the backlog
 * asks for: with `proportional` 1 and `derivative` 0 the estimate is `rate * (1 - integral * schedulingDelay / interval)`.
 *
 * Source: Spark's `PIDRateEstimator` 3.5.1.
 *
 * @throws {InvalidOptionError} when an option is out of its range
 *
 * @example
 * ```ts
 * import { pidRateEstimator } from 'dstream';
 *
 * const estimator = pidRateEstimator({ batchInterval: 1_000 });
 * console.log(estimator.compute(1_000, 500, 1_000, 0)); // => undefined
 * console.log(estimator.compute(2_000, 500, 1_000, 500)); // => 450
 * ```
 */
export function pidRateEstimator(options: PidRateEstimatorOptions): PidRateEstimator {
  checkOptions('pidRateEstimator', options, estimatorChecks);
  const { batchInterval, proportional = 1, integral = 0.2, derivative = 0, minRate = defaultMinRate } = options;
  let first = true;
  let latestTime = -1;
  let latestRate = -1;
  let latestError = -1;
  return {
    compute(time, numElements, processingDelay, schedulingDelay) {
      if (!(time > latestTime && numElements > 0 && processingDelay > 0)) return undefined;
      // The order of operations is Spark's: another one would round differently.
      const delaySinceUpdate = (time - latestTime) / 1_000;
      const processingRate = (numElements / processingDelay) * 1_000;
      const error = latestRate - processingRate;
      const historicalError = (schedulingDelay * processingRate) / batchInterval;
      const dError = (error - latestError) / delaySinceUpdate;
      const estimate = latestRate - proportional * error - integral * historicalError - derivative * dError;
      const newRate = Math.max(estimate, minRate);
      latestTime = time;
      if (first) {
        latestRate = processingRate;
        latestError = 0;
        first = false;
        return undefined;
      }
      latestRate = newRate;
      latestError = error;
      return newRate;
    },
  };
}
