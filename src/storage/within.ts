import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Whether `work` has settled within `ms`. It is not waited for longer, and what it fails with is ignored. Without `ref` the wait does not keep the
 * process alive.
 */
export async function within(ms: number, work: Promise<unknown>, { ref = true } = {}): Promise<boolean> {
  const over = new AbortController();
  const late = sleep(ms, false, { signal: over.signal, ref }).catch(() => false);
  const settled = work.then(
    () => true,
    () => true,
  );
  const first = await Promise.race([settled, late]);
  over.abort();
  return first;
}
