import { setTimeout as sleep } from 'node:timers/promises';
import { maxTimerMs } from '../../../options/checks.js';

export interface BackOffOptions {
  /** The pause before the second attempt; each further pause is twice as long, up to `maxPauseMs`. */
  readonly firstPauseMs: number;
  readonly maxPauseMs: number;
  /** No attempt begins later than this after the first one. */
  readonly timeoutMs: number;
  /** Whether another attempt may succeed. */
  readonly isRetriable: (error: unknown) => boolean;
  /** Runs after each pause, before the next attempt. What it fails with is ignored: the attempt meets the same trouble. */
  readonly beforeRetry?: () => Promise<unknown>;
  /**
   * Makes the error for an attempt that is still under way when the time is up, where none has failed before. Without it the attempt
   * may end.
   */
  readonly late?: () => Error;
  /** Ends the pauses: the last error is final then. */
  readonly signal?: AbortSignal;
}

/** Calls `attempt` until it succeeds, fails with an error that is not retriable, or runs out of time. Rejects with its last error. */
export function withBackOff<R>(attempt: () => Promise<R>, options: BackOffOptions): Promise<R> {
  const { timeoutMs, late } = options;
  const found: { last?: unknown } = {};
  const work = attempts(attempt, options, found);
  if (!late) return work;
  return new Promise((resolve, reject) => {
    const giveUp = () => reject('last' in found ? found.last : late());
    const timer = setTimeout(giveUp, Math.min(timeoutMs, maxTimerMs));
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

async function attempts<R>(
  attempt: () => Promise<R>,
  { firstPauseMs, maxPauseMs, timeoutMs, isRetriable, beforeRetry, signal }: BackOffOptions,
  found: { last?: unknown },
): Promise<R> {
  const begun = performance.now();
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, maxPauseMs)) {
    try {
      return await attempt();
    } catch (error) {
      found.last = error;
      if (!isRetriable(error) || performance.now() - begun + pauseMs > timeoutMs) throw error;
    }
    await sleep(pauseMs, undefined, { signal }).catch(() => {});
    if (signal?.aborted || performance.now() - begun > timeoutMs) throw found.last;
    await beforeRetry?.().catch(() => {});
  }
}
