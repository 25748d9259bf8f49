import type { OptionChecks } from '../options/checkOptions.js';
import { checkNonNegative, checkNonNegativeInteger, orInfinity } from '../options/checks.js';
import type { Resolved } from '../options/resolved.js';

/** How a stream that has failed starts again by itself. */
export interface RetryOptions {
  /**
   * How often it starts again with no batch getting through in between; then the stream fails, or `onBatchError` applies.
   * @default Infinity
   */
  readonly count?: number | undefined;
  /**
   * The pause before the first restart, in ms; each further one is twice as long, until a batch gets through.
   * @default 1000
   */
  readonly delay?: number | undefined;
  /**
   * Longest pause, in ms.
   * @default 60000
   */
  readonly maxDelay?: number | undefined;
}

/** What each option must be. */
export const retryChecks: OptionChecks<RetryOptions> = {
  count: orInfinity(checkNonNegativeInteger),
  delay: checkNonNegative,
  maxDelay: checkNonNegative,
};

export function resolveRetry({
  count = Infinity,
  delay = 1_000,
  maxDelay = 60_000,
}: RetryOptions): Resolved<RetryOptions> {
  return { count, delay, maxDelay };
}
