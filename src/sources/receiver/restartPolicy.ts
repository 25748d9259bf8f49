import { backOff } from '../../backpressure/longDelay.js';
import { InvalidOptionError } from '../../batch/errors.js';
import {
  checkFunction,
  checkNonNegative,
  checkNonNegativeInteger,
  checkOneOf,
  checkPositive,
  checkTimer,
} from '../../options/checks.js';

/** Whether and when a receiver that failed is started again. Durations are in ms. */
export interface RestartOptions {
  /**
   * How long after a failure the receiver is started again, in ms. After each further failure in a row the delay doubles.
   * @default 1000
   */
  readonly delay?: number;
  /**
   * Upper limit of the delay, in ms.
   * @default 60000, or `delay` where that is longer
   */
  readonly maxDelay?: number;
  /**
   * The share of the delay that is random, from 0 to 1: a delay is shortened by up to this share. It keeps many clients of one
   * server that starts again from connecting at the same moment.
   * @default 0
   */
  readonly jitter?: number;
  /**
   * The number of restarts in a row that are made before the failure of the receiver fails the stream.
   * @default no limit
   */
  readonly count?: number;
  /**
   * How long a receiver must have been running, in ms, for its failures to be forgotten: the next delay is `delay` again, and restarts are
   * counted from zero.
   * @default 60000, or `maxDelay` where that is longer
   */
  readonly resetAfter?: number;
  /**
   * What happens when the receiver completes, as when its peer closes the connection: `'restart'` starts it again like after a
   * failure, `'complete'` completes the stream after the last block.
   * @default 'complete'
   */
  readonly onClose?: 'restart' | 'complete';
  /**
   * Returns random numbers from 0 to 1, for the jitter.
   * @default Math.random
   */
  readonly random?: () => number;
}

export type RestartPolicy = Required<RestartOptions>;

/** @throws {InvalidOptionError} naming the owner, the option, its value and the rule */
export function restartPolicy(owner: string, options: RestartOptions | number): RestartPolicy {
  if (typeof options !== 'object' || options === null) {
    checkDelay(owner, 'restart', options);
    return { ...restartPolicy(owner, { delay: options }), maxDelay: options };
  }
  const { delay = 1_000, jitter = 0, count = Infinity, onClose = 'complete', random = Math.random } = options;
  const { maxDelay = Math.max(60_000, delay) } = options;
  const { resetAfter = Math.max(60_000, maxDelay) } = options;
  checkDelay(owner, 'restart.delay', delay);
  checkDelay(owner, 'restart.maxDelay', maxDelay);
  if (maxDelay < delay) {
    throw new InvalidOptionError(owner, 'restart.maxDelay', maxDelay, `must be at least restart.delay (${delay})`);
  }
  checkNonNegative(owner, 'restart.jitter', jitter);
  if (jitter > 1) throw new InvalidOptionError(owner, 'restart.jitter', jitter, 'must be at most 1');
  if (count !== Infinity) checkNonNegativeInteger(owner, 'restart.count', count);
  if (resetAfter !== Infinity) checkPositive(owner, 'restart.resetAfter', resetAfter);
  checkOneOf(owner, 'restart.onClose', onClose, ['restart', 'complete']);
  checkFunction(owner, 'restart.random', random);
  return { delay, maxDelay, jitter, count, resetAfter, onClose, random };
}

/** The delay before the nth restart in a row, from 1. */
export function delayOf(policy: RestartPolicy, nth: number): number {
  const { jitter, random } = policy;
  const whole = backOff(policy, nth - 1);
  return jitter === 0 ? whole : Math.max(Math.round(whole * (1 - jitter * random())), 1);
}

function checkDelay(owner: string, option: string, value: number): void {
  checkPositive(owner, option, value);
  checkTimer(owner, option, value);
}
