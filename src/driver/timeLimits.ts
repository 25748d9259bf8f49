import { from, Observable, type ObservableInput, type SchedulerLike, Subscription } from 'rxjs';
import { scheduleAfter } from '../backpressure/longDelay.js';
import { TimedOutError } from '../batch/errors.js';
import type { EffectDescription } from '../batch/monitoring/effectRunner.js';

export interface TimeLimitOptions {
  /** In ms, of one effect. */
  readonly outputTimeout: number;
  /** In ms, of any other step of a batch. */
  readonly stepTimeout: number;
  readonly scheduler: SchedulerLike;
}

/** Ends what hangs: the steps of a batch and the effects of outputs. */
export class TimeLimits {
  readonly #options: TimeLimitOptions;

  constructor(options: TimeLimitOptions) {
    this.#options = options;
  }

  /** Whether effects have a limit. */
  get ofEffects(): boolean {
    return this.#options.outputTimeout !== Infinity;
  }

  /** `step` names it in the error, such as `saving`. */
  step<T>(step: string, time: number, work: () => ObservableInput<T>): Observable<T> {
    return this.#within(this.#options.stepTimeout, () => `${step} batch ${time}`, work);
  }

  effect<T>(time: number, effect: EffectDescription, work: () => ObservableInput<T>): Observable<T> {
    const { operator, id, partition } = effect;
    const name = id === undefined ? operator : `${operator} "${id}"`;
    const where = partition === undefined ? '' : ` on partition ${partition}`;
    return this.#within(this.#options.outputTimeout, () => `${name}${where} of batch ${time}`, work);
  }

  /**
   * The same as `work`, which fails unless it completes within `limit` ms; what it was doing is unsubscribed then. Work that
   * completes synchronously costs no timer.
   */
  #within<T>(limit: number, what: () => string, work: () => ObservableInput<T>): Observable<T> {
    if (limit === Infinity) return from(work());
    return new Observable<T>((subscriber) => {
      const working = from(work()).subscribe({
        next: (value) => subscriber.next(value),
        error: (error: unknown) => subscriber.error(error),
        complete: () => subscriber.complete(),
      });
      if (working.closed) return undefined;
      const late = () => subscriber.error(new TimedOutError(what(), limit));
      const timer = scheduleAfter(this.#options.scheduler, limit, late);
      return new Subscription(() => {
        timer.unsubscribe();
        working.unsubscribe();
      });
    });
  }
}
