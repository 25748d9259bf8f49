import { InvalidOptionError } from '../batch/errors.js';
import { checkNonNegative, checkNonNegativeInteger } from '../options/checks.js';

/** How a stream that has failed starts again by itself. */
export interface RetryOptions {
  /**
   * How often it starts again with no batch getting through in between; then the stream fails, or `onBatchError` applies.
   * @default Infinity
   */
  readonly count?: number;
  /**
   * The pause before the first restart, in ms; each further one is twice as long, until a batch gets through.
   * @default 1000
   */
  readonly delay?: number;
  /**
   * Longest pause, in ms.
   * @default 60000
   */
  readonly maxDelay?: number;
}

/** @throws {InvalidOptionError} when a field is out of its range */
export function resolveRetry(owner: string, retry: RetryOptions | undefined): Required<RetryOptions> | undefined {
  if (retry === undefined) return undefined;
  if (typeof retry !== 'object' || retry === null) {
    throw new InvalidOptionError(owner, 'retry', retry, 'must be an object with count, delay and maxDelay');
  }
  const { count = Infinity, delay = 1_000, maxDelay = 60_000 } = retry;
  if (count !== Infinity) checkNonNegativeInteger(owner, 'retry.count', count);
  checkNonNegative(owner, 'retry.delay', delay);
  checkNonNegative(owner, 'retry.maxDelay', maxDelay);
  return { count, delay, maxDelay };
}
