/**
 * How far a partition is behind, in ms: 0 without lag, else the age of the newest record read; `undefined` where its timestamp is
 * unknown.
 */
export function behindOf(lag: number, newestTimestamp: number | undefined, now: number): number | undefined {
  if (lag === 0) return 0;
  return newestTimestamp === undefined ? undefined : Math.max(now - newestTimestamp, 0);
}
