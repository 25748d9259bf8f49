import { setTimeout as sleep } from 'node:timers/promises';

export interface BackOffOptions {
  /** The first pause between two attempts, in ms: doubled each time up to `most`. */
  readonly first: number;
  readonly most: number;
  /** After so long, in ms, the next error is the last. */
  readonly timeout: number;
  /** Whether another attempt may go better. */
  readonly mayRetry: (error: unknown) => boolean;
}

/** Gives what `attempt` gives, tried again while that may help. */
export async function withBackOff<R>(attempt: () => Promise<R>, options: BackOffOptions): Promise<R> {
  const { first, most, timeout, mayRetry } = options;
  const begun = performance.now();
  for (let wait = first; ; wait = Math.min(2 * wait, most)) {
    try {
      return await attempt();
    } catch (error) {
      if (!mayRetry(error) || performance.now() - begun > timeout) throw error;
      await sleep(wait);
    }
  }
}
