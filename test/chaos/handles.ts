/** What keeps the event loop alive, seen from a timer after `ms`: one timer is always there. */
export function handlesInTimer(ms: number): Promise<readonly string[]> {
  return new Promise((resolve) => setTimeout(() => resolve(process.getActiveResourcesInfo()), ms));
}

/** Those of `all` that are beyond `own`, as multisets. */
export function handlesBeyond(all: readonly string[], own: readonly string[]): readonly string[] {
  const left = [...own];
  return all.filter((handle) => {
    const at = left.indexOf(handle);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}
