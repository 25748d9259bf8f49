import { EMPTY, from, Observable, type ObservableInput, type SchedulerLike } from 'rxjs';
import { scheduleAfter } from '../backpressure/longDelay.js';
import { TimedOutError } from '../batch/errors.js';
import type { EffectDescription } from '../batch/monitoring/effectRunner.js';
import { passing } from '../observables/listener.js';

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

  /** `step` names it in the error, such as `saving`. It is begun at once; `failed` is called with its error before that goes on. */
  step<T>(step: string, time: number, work: () => ObservableInput<T>, failed: (error: unknown) => void): Observable<T> {
    let begun: ObservableInput<T>;
    try {
      begun = work();
    } catch (error) {
      failed(error);
      throw error;
    }
    if (begun === EMPTY) return EMPTY;
    return this.#within(
      this.#options.stepTimeout,
      () => `${step} batch ${time}`,
      () => begun,
      failed,
    );
  }

  effect<T>(time: number, effect: EffectDescription, work: () => ObservableInput<T>): Observable<T> {
    const { operator, id, partition } = effect;
    const name = id === undefined ? operator : `${operator} "${id}"`;
    const where = partition === undefined ? '' : ` on partition ${partition}`;
    if (!this.ofEffects) return from(work());
    return this.#within(
      this.#options.outputTimeout,
      () => `${name}${where} of batch ${time}`,
      work,
      () => {},
    );
  }

  /**
   * The same as `work`, which fails unless it completes within `limit` ms; what it was doing is unsubscribed then. Work that
   * completes synchronously costs no timer.
   */
  #within<T>(
    limit: number,
    what: () => string,
    work: () => ObservableInput<T>,
    failed: (error: unknown) => void,
  ): Observable<T> {
    return new Observable<T>((subscriber) => {
      const listener = passing(subscriber, failed);
      from(work()).subscribe(listener);
      if (listener.closed || limit === Infinity) return;
      const late = () => listener.error(new TimedOutError(what(), limit));
      listener.add(scheduleAfter(this.#options.scheduler, limit, late));
    });
  }
}
