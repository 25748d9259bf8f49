import type { Checkpoint } from 'dstream';
import { concat, from, ignoreElements, map, type SchedulerLike, timer } from 'rxjs';

/** The checkpoint, whose sessions take `delay` ms to close. */
export function slowClosing(checkpoint: Checkpoint, delay: number, scheduler?: SchedulerLike): Checkpoint {
  return {
    location: checkpoint.location,
    open: (how) =>
      from(checkpoint.open(how)).pipe(
        map(({ restored, encode, plan, save, close }) => ({
          ...{ restored, encode, plan, save },
          close: () => concat(from(close()), timer(delay, scheduler).pipe(ignoreElements())),
        })),
      ),
  };
}
