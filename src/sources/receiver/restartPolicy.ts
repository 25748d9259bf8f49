import { backOff } from '../../backpressure/longDelay.js';
import { InvalidOptionError } from '../../batch/errors.js';
import { checkOptions, type OptionChecks } from '../../options/checkOptions.js';
import {
  checkFunction,
  checkNonNegative,
  checkNonNegativeInteger,
  checkPositive,
  checkTimer,
  oneOf,
  orInfinity,
} from '../../options/checks.js';
import type { Resolved } from '../../options/resolved.js';

/** Whether and when a receiver that failed is started again. Durations are in ms. */
export interface RestartOptions {
  /**
   * How long after a failure the receiver is started again, in ms. After each further failure in a row the delay doubles.
   * @default 1000
   */
  readonly delay?: number | undefined;
  /**
   * Upper limit of the delay, in ms.
   * @default 60000, or `delay` where that is longer
   */
  readonly maxDelay?: number | undefined;
  /**
   * The share of the delay that is random, from 0 to 1: a delay is shortened by up to this share. It keeps many clients of one
   * server that starts again from connecting at the same moment.
   * @default 0
   */
  readonly jitter?: number | undefined;
  /**
   * The number of restarts in a row that are made before the failure of the receiver fails the stream.
   * @default no limit
   */
  readonly count?: number | undefined;
  /**
   * How long a receiver must have been running, in ms, for its failures to be forgotten: the next delay is `delay` again, and restarts are
   * counted from zero. `Infinity` never forgets them.
   * @default 60000, or `maxDelay` where that is longer
   */
  readonly resetAfter?: number | undefined;
  /**
   * What happens when the receiver completes, as when its peer closes the connection: `'restart'` starts it again like after a
   * failure, `'complete'` completes the stream after the last block.
   * @default 'complete'
   */
  readonly onClose?: 'restart' | 'complete' | undefined;
  /**
   * Returns random numbers from 0 to 1, for the jitter.
   * @default Math.random
   */
  readonly random?: (() => number) | undefined;
}

export type RestartPolicy = Resolved<RestartOptions>;

const restartChecks: OptionChecks<RestartOptions> = {
  delay: checkDelay,
  maxDelay: checkDelay,
  jitter: checkShare,
  count: orInfinity(checkNonNegativeInteger),
  resetAfter: orInfinity(checkPositive),
  onClose: oneOf('restart', 'complete'),
  random: checkFunction,
};

/** A delay, or options of their own. */
export function checkRestart(owner: string, option: string, restart: unknown): void {
  if (typeof restart === 'object')
    checkOptions<RestartOptions>(owner, restart as RestartOptions, restartChecks, option);
  else checkDelay(owner, option, restart as number);
}

/** @throws {InvalidOptionError} when the limit of the delay is below the delay */
export function restartPolicy(owner: string, options: RestartOptions | number): RestartPolicy {
  if (typeof options === 'number') return { ...restartPolicy(owner, { delay: options }), maxDelay: options };
  const { delay = 1_000, jitter = 0, count = Infinity, onClose = 'complete', random = Math.random } = options;
  const { maxDelay = Math.max(60_000, delay) } = options;
  const { resetAfter = Math.max(60_000, maxDelay) } = options;
  if (maxDelay < delay) {
    throw new InvalidOptionError(owner, 'restart.maxDelay', maxDelay, `must be at least restart.delay (${delay})`);
  }
  return { delay, maxDelay, jitter, count, resetAfter, onClose, random };
}

/** The delay before the nth restart in a row, from 1. */
export function delayOf(policy: RestartPolicy, nth: number): number {
  const { jitter, random } = policy;
  const whole = backOff(policy, nth - 1);
  return jitter === 0 ? whole : Math.max(Math.round(whole * (1 - jitter * random())), 1);
}

export function checkDelay(owner: string, option: string, value: number): void {
  checkPositive(owner, option, value);
  checkTimer(owner, option, value);
}

function checkShare(owner: string, option: string, value: number): void {
  checkNonNegative(owner, option, value);
  if (value > 1) throw new InvalidOptionError(owner, option, value, 'must be at most 1');
}
