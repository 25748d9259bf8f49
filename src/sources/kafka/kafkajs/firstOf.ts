import { setTimeout as sleep } from 'node:timers/promises';

/** The first that settles; `undefined` if none does in time. */
export async function firstOf<R>(
  attempts: readonly Promise<R>[],
  timeoutMs: number | undefined,
): Promise<R | undefined> {
  if (timeoutMs === undefined) return Promise.race(attempts);
  const ended = new AbortController();
  const silence = sleep(timeoutMs, undefined, { signal: ended.signal }).catch(() => undefined);
  try {
    return await Promise.race([...attempts, silence]);
  } finally {
    ended.abort();
  }
}
