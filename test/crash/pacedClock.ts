import type { Progress } from './pointedCheckpoint.js';
import { TurnScheduler } from './turnScheduler.js';

/** A clock that waits for the batches, which it is told of: otherwise it would be ahead of them by thousands. */
export function pacedClock(): { readonly clock: TurnScheduler; readonly progress: Progress } {
  /** Batches that are planned and not saved. */
  let ahead = 0;
  /** Ticks that have been planned. */
  let planned = 0;
  const clock = new TurnScheduler(() => ahead > 3 || clock.ticks > planned);
  const progress: Progress = {
    opened: (restored) => {
      ahead = restored?.planned.length ?? 0;
      planned = clock.ticks;
    },
    planned: () => {
      ahead++;
      planned++;
    },
    saved: () => {
      ahead--;
    },
  };
  return { clock, progress };
}
