import { checkOptions } from '../options/checkOptions.js';
import { checkPositive } from '../options/checks.js';
import { DecisionLog, decisionChecks } from './decisionLog.js';
import type { RateControllerFactory } from './rateController.js';
import type { RateDecisionOptions } from './rateDecisionOptions.js';

/**
 * A rate that never changes, in records per second over all partitions of the source.
 *
 * Source: Spark's `spark.streaming.receiver.maxRate`.
 *
 * @throws {InvalidOptionError} when the rate is not greater than 0
 *
 * @example
 * ```ts
 * import { foreachBatch, fixedRate, logBatches, memoryLog, string } from 'dstream';
 *
 * const log = memoryLog({ topics: { t: 1 } });
 * log.append('t', [{ value: 'a' }, { value: 'b' }, { value: 'c' }]);
 * const batches = logBatches(log, {
 *   topics: ['t'],
 *   start: 'earliest',
 *   interval: 10,
 *   deserialize: string(),
 *   backpressure: fixedRate(200),
 * });
 * batches.pipe(foreachBatch((records) => console.log(records))).subscribe(({ context }) => {
 *   if (context.inputs.log?.lag === 0) void batches.stop();
 * });
 * // => [ 'a', 'b' ]
 * // => [ 'c' ]
 * ```
 */
export function fixedRate(rate: number, options: RateDecisionOptions = {}): RateControllerFactory {
  checkPositive('fixedRate', 'rate', rate);
  checkOptions('fixedRate', options, decisionChecks);
  return (setup) => {
    const log = new DecisionLog('fixedRate', setup, options);
    return {
      completed: () => {},
      rate: (formation) => {
        log.report(formation, { rule: 'fixed', rate });
        return rate;
      },
      explain: () => log.last,
    };
  };
}
