import type { SchedulerLike } from 'rxjs';

/**
 * A clock for durations: it follows the clock of the scheduler, in ms, but never goes back. When that clock is set back, no time
 * passes here at that moment, and from then on this one is ahead by as much.
 */
export function steadyClock(scheduler: SchedulerLike): () => number {
  let latest = scheduler.now();
  let ahead = 0;
  return () => {
    const now = scheduler.now() + ahead;
    if (now < latest) ahead += latest - now;
    else latest = now;
    return latest;
  };
}
