import { setTimeout as sleep } from 'node:timers/promises';

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
}

/** Calls `attempt` until it succeeds, fails with an error that is not retriable, or runs out of time. Rejects with its last error. */
export async function withBackOff<R>(attempt: () => Promise<R>, options: BackOffOptions): Promise<R> {
  const { firstPauseMs, maxPauseMs, timeoutMs, isRetriable, beforeRetry } = options;
  const begun = performance.now();
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, maxPauseMs)) {
    try {
      return await attempt();
    } catch (error) {
      if (!isRetriable(error) || performance.now() - begun + pauseMs > timeoutMs) throw error;
    }
    await sleep(pauseMs);
    await beforeRetry?.().catch(() => {});
  }
}
