import { type SchedulerAction, type Subscription, VirtualTimeScheduler } from 'rxjs';

/** Waits longer than this, ms, are for what should not happen, such as the end of the time to drain. */
const never = 1e6;

/**
 * A clock that goes as fast as the work: each turn of the event loop runs what is due next, at its time. Held back while
 * `busy`, so that ticks do not run ahead of the batches.
 */
export class TurnScheduler extends VirtualTimeScheduler {
  readonly #busy: () => boolean;
  /** How often time has gone on. */
  ticks = 0;
  #waiting = false;

  constructor(busy: () => boolean) {
    super();
    this.#busy = busy;
  }

  override schedule<T>(work: (this: SchedulerAction<T>, state?: T) => void, delay?: number, state?: T): Subscription {
    const subscription = super.schedule(work, delay, state);
    this.#wait();
    return subscription;
  }

  #wait(): void {
    if (this.#waiting) return;
    this.#waiting = true;
    setImmediate(() => {
      this.#waiting = false;
      this.#turn();
    });
  }

  #turn(): void {
    const [next] = this.actions;
    if (!next || next.delay - this.frame > never) return;
    // What is due at once is no tick.
    if (next.delay <= this.frame || !this.#busy()) {
      this.actions.shift();
      if (next.delay > this.frame) this.ticks++;
      this.frame = next.delay;
      next.execute(next.state, next.delay);
    }
    this.#wait();
  }
}
