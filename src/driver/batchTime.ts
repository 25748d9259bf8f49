// Batch times are multiples of the interval, counted from the epoch, so that two streams with the same interval tick
// together and a restarted one goes on in step.

/** The first batch time after `now`. With `interval` 1000: 0 -> 1000, 999 -> 1000, 1000 -> 2000. */
export function firstBatchTime(now: number, interval: number): number {
  return (Math.floor(now / interval) + 1) * interval;
}
