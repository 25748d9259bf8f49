/** By location, the copies that owners of changelogs have open in this process, and who waits for their closing. */
const owned = new Map<string, { count: number; readonly waiting: Set<() => void> }>();

/** An owner has the copy of this location open, or is about to. Returns what is to be called when it has closed it. */
export function ownCopy(location: string): () => void {
  const one = owned.get(location) ?? { count: 0, waiting: new Set() };
  owned.set(location, one);
  one.count++;
  let isClosed = false;
  return () => {
    if (isClosed) return;
    isClosed = true;
    if (--one.count > 0) return;
    owned.delete(location);
    for (const done of one.waiting) done();
  };
}

/** For how long an owner is waited for, in ms: a broker that is gone, or a disk that hangs, may keep it open for much longer. */
const patienceMs = 15_000;

/**
 * Resolves when no owner has the copy open any more, or `signal` is aborted, or after `limitMs`: an opening that was given up may still be under
 * way when its process begins to follow the copy, which fences it then.
 */
export function unowned(location: string, signal: AbortSignal, limitMs = patienceMs): Promise<void> {
  const one = owned.get(location);
  if (!one || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      one.waiting.delete(done);
      resolve();
    };
    const timer = setTimeout(done, limitMs);
    timer.unref();
    one.waiting.add(done);
    signal.addEventListener('abort', done);
  });
}
