/** The first that settles; `undefined` if none does in time. Without `ref` the wait does not keep the process alive. */
export async function firstOf<R>(
  attempts: readonly Promise<R>[],
  timeoutMs: number | undefined,
  { ref = true } = {},
): Promise<R | undefined> {
  if (timeoutMs === undefined) return Promise.race(attempts);
  // Cleared, and not aborted: an AbortSignal makes an error for each wait, and there are several for each batch.
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeoutMs);
    if (!ref) timer.unref();
  });
  try {
    return await Promise.race([...attempts, silence]);
  } finally {
    clearTimeout(timer);
  }
}
