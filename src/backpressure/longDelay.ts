import { Observable, type SchedulerLike, Subscription } from 'rxjs';

/** Timers of all platforms fire at once when they are to wait longer, in ms. */
export const maxTimerMs = 2 ** 31 - 1;

/** Runs `work` after `delay` ms, however long that is: what is more than a timer can wait is waited for in steps. */
export function scheduleAfter(scheduler: SchedulerLike, delay: number, work: () => void): Subscription {
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
