import { Observable, type SchedulerLike, Subscription } from 'rxjs';
import { maxTimerMs } from '../options/checks.js';

/** Runs `work` after `delay` ms, however long that is: what is more than a timer can wait is waited for in steps. */
export function scheduleAfter(scheduler: SchedulerLike, delay: number, work: () => void): Subscription {
  if (delay <= maxTimerMs) return scheduler.schedule(() => work(), delay);
  const waiting = new Subscription();
  const wait = (left: number): void => {
    const step = Math.min(left, maxTimerMs);
    let timer: Subscription | undefined;
    timer = scheduler.schedule(() => {
      timer?.unsubscribe();
      if (left > step) wait(left - step);
      else work();
    }, step);
    waiting.add(timer);
  };
  wait(delay);
  return waiting;
}

/** RxJS's `timer` for a delay of any length. */
export function longTimer(delay: number, scheduler: SchedulerLike): Observable<0> {
  return new Observable((subscriber) =>
    scheduleAfter(scheduler, delay, () => {
      subscriber.next(0);
      subscriber.complete();
    }),
  );
}

/** The pause after a number of failures in a row, from 0: it doubles with each, up to `maxDelay`. In ms. */
export function backOff(
  { delay, maxDelay }: { readonly delay: number; readonly maxDelay: number },
  failures: number,
): number {
  return Math.min(delay * 2 ** failures, maxDelay);
}
