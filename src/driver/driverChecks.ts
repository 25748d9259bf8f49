import type { DynamicInterval } from '../backpressure/dynamicInterval.js';
import { InvalidOptionError } from '../batch/errors.js';
import { type OptionChecks, required, shape } from '../options/checkOptions.js';
import {
  allOf,
  arrayOf,
  checkFunction,
  checkNonNegativeInteger,
  checkPositive,
  checkPositiveInteger,
  checkScheduler,
  checkText,
  checkTimer,
  oneOf,
  oneOfOr,
  orInfinity,
  withMethods,
} from '../options/checks.js';
import type { DriverOptions } from './driverOptions.js';
import { retryChecks } from './retryOptions.js';

/** What each option must be by itself; `resolveDriverOptions` checks what they must be together. */
export const driverChecks: OptionChecks<DriverOptions> = {
  interval: required(allOf(checkPositiveInteger, checkTimer)),
  dynamicInterval: checkDynamicInterval,
  concurrentBatches: checkPositiveInteger,
  backpressure: checkFunction,
  initialRate: checkPositive,
  checkpoint: withMethods('open'),
  orphans: oneOf('refuse', 'drop', 'keep'),
  name: checkText,
  monitors: arrayOf(withMethods('run')),
  stallAfter: checkPositive,
  afterDowntime: oneOfOr(
    ['each', 'one'],
    shape<{ atMost: number }>({ atMost: required(checkPositiveInteger) }),
    '{ atMost }',
  ),
  outputTimeout: orInfinity(checkPositive),
  stepTimeout: orInfinity(checkPositive),
  onRecordError: oneOfOr(['fail', 'skip'], withMethods('next'), 'an Observer'),
  maxErrors: orInfinity(checkNonNegativeInteger),
  retry: shape(retryChecks),
  onBatchError: oneOf('fail', 'skip', 'bisect'),
  batchObserver: withMethods('next'),
  unclaimed: oneOf('error', 'complete'),
  scheduler: checkScheduler,
};

/** The function is more than its call: `dynamicInterval` itself, not called, has no limits. */
function checkDynamicInterval(owner: string, option: string, value: unknown): void {
  checkFunction(owner, option, value);
  const { minInterval, maxInterval } = value as Partial<DynamicInterval>;
  if (typeof minInterval === 'number' && typeof maxInterval === 'number') return;
  throw new InvalidOptionError(
    owner,
    option,
    value,
    'must have minInterval and maxInterval, as the result of dynamicInterval() does',
  );
}
