import type { SchedulerLike, Subscription } from 'rxjs';

/**
 * Work at a later time that may be cancelled. A timer that is due at the moment of cancelling is not cleared but does nothing
 * when it fires: under `TestScheduler.run` rxjs fails when a timer is cleared while it is due.
 */
export class Alarm {
  /** When it is due, ms. */
  readonly due: number;
  readonly #scheduler: SchedulerLike;
  readonly #timer: Subscription;
  #cancelled = false;

  constructor(scheduler: SchedulerLike, delay: number, work: () => void) {
    this.#scheduler = scheduler;
    this.due = scheduler.now() + delay;
    this.#timer = scheduler.schedule(() => {
      if (!this.#cancelled) work();
    }, delay);
  }

  cancel(): void {
    this.#cancelled = true;
    if (this.#scheduler.now() < this.due) this.#timer.unsubscribe();
  }
}
