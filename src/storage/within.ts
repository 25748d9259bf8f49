import { setTimeout as sleep } from 'node:timers/promises';

/** Whether `work` has settled within `ms`. It is not waited for longer, and what it fails with is ignored. */
export async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  const over = new AbortController();
  const late = sleep(ms, false, { signal: over.signal, ref: false }).catch(() => false);
  const settled = work.then(
    () => true,
    () => true,
  );
  const first = await Promise.race([settled, late]);
  over.abort();
  return first;
}
