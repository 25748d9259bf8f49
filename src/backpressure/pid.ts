import type { MeasuredBatch, RateWarning } from '../batch/rateDecision.js';
import { checkOptions } from '../options/checkOptions.js';
import { DecisionLog, decisionChecks } from './decisionLog.js';
import { defaultMinRate, type PidOptions, pidChecks, pidRateEstimator } from './pidRateEstimator.js';
import type { RateControllerFactory } from './rateController.js';
import type { RateDecisionOptions } from './rateDecisionOptions.js';

/** Options of `pid`. */
export interface PidControllerOptions extends PidOptions, RateDecisionOptions {}

const none: readonly RateWarning[] = [];
const atFloor: readonly RateWarning[] = ['rate-at-floor'];

/**
 * The rate controller of Spark: after every batch a new rate from how fast that batch was processed and saved, and how long it
 * had waited. Until the first estimate, after the second batch with records, `initialRate` applies.
 *
 * Source: Spark's `RateController` with `PIDRateEstimator`, settings `spark.streaming.backpressure.pid.*`.
 *
 * @throws {InvalidOptionError} when an option is out of its range
 *
 * @example
 * ```ts
 * import { type BatchInfo, foreachBatch, logBatches, memoryLog, pid, string } from 'dstream';
 * import { timer } from 'rxjs';
 *
 * const log = memoryLog({ topics: { t: 1 } });
 * log.append('t', Array.from({ length: 1_000 }, () => ({ value: 'x' })));
 * const rates: (number | undefined)[] = [];
 * const observe = ({ inputs }: BatchInfo) => rates.push(inputs.log?.rate);
 * const batches = logBatches(log, {
 *   topics: ['t'],
 *   start: 'earliest',
 *   deserialize: string(),
 *   interval: 20,
 *   backpressure: pid({ minRate: 50 }),
 *   initialRate: 1_000,
 *   batchObserver: { next: observe },
 * });
 * batches.pipe(foreachBatch(() => timer(10))).subscribe({
 *   next: () => {
 *     if (rates.length === 2) void batches.stop();
 *   },
 *   complete: () => console.log(rates.slice(0, 2)),
 * });
 * // => [ 1000, 1000 ]
 * ```
 */
export function pid(options: PidControllerOptions = {}): RateControllerFactory {
  checkOptions('pid', options, { ...pidChecks, ...decisionChecks });
  const { decisionObserver: _, ...gains } = options;
  return (setup) => {
    const { interval, initialRate } = setup;
    const { minRate = defaultMinRate } = options;
    const estimator = pidRateEstimator({ ...gains, batchInterval: interval });
    const log = new DecisionLog('pid', setup, options);
    let rate: number | undefined;
    let measured: MeasuredBatch | undefined;
    return {
      completed({ processingEndTime, saveDelay, schedulingDelay, ...info }, records) {
        // The batch keeps its place until it is saved: where saving takes long, the rate must fall to what can be saved.
        const processingDelay = info.processingDelay + saveDelay;
        const estimate = estimator.compute(processingEndTime, records, processingDelay, schedulingDelay);
        if (estimate === undefined) return;
        rate = Math.trunc(estimate);
        measured = { records, processingDelay, schedulingDelay };
      },
      rate: (formation) => {
        // A floor below 1 can be truncated to 0, which would stop the stream permanently: as in Spark it counts as no estimate.
        const estimate = rate === 0 ? undefined : rate;
        if (estimate === undefined) log.report(formation, { rule: 'initial', rate: initialRate });
        else {
          const floor = estimate <= Math.trunc(minRate);
          const warnings = floor ? atFloor : none;
          log.report(formation, { rule: floor ? 'floor' : 'estimate', rate: estimate, measured, warnings });
        }
        return estimate;
      },
      explain: () => log.last,
    };
  };
}
