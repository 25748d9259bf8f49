import { Subscription } from 'rxjs';
import { scheduleAfter } from '../backpressure/longDelay.js';
import type { ResolvedDriverOptions } from './driverOptions.js';

/** Where other processes wait for the work, the group observer hears of a step that takes too long; then `late` is called. */
export function limitedStep(
  { held, scheduler }: Pick<ResolvedDriverOptions, 'held' | 'scheduler'>,
  step: 'opening' | 'closing',
  late: () => void = () => {},
): Subscription {
  if (!held) return new Subscription();
  const { patience } = held;
  return scheduleAfter(scheduler, patience, () => {
    held.stuck(step, patience);
    late();
  });
}
