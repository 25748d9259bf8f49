import { type SchedulerLike, Subscription } from 'rxjs';

type Immediate = {
  setImmediate?(work: () => void): unknown;
  clearImmediate?(handle: unknown): void;
};

/**
 * Runs `work` in a later turn of the event loop, so that timers and sockets get theirs first. Where the platform has
 * `setImmediate` that is at once; a timer would leave the loop idle for a millisecond each time.
 *
 * This is no timing: it is only called when real time passed during synchronous work, which in virtual time it never does.
 */
export function laterTurn(scheduler: SchedulerLike, work: () => void): Subscription {
  const { setImmediate, clearImmediate } = globalThis as Immediate;
  if (!setImmediate || !clearImmediate) return scheduler.schedule(work);
  const handle = setImmediate(work);
  return new Subscription(() => clearImmediate(handle));
}
