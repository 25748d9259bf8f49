import { defer, last, type ObservableInput, type SchedulerLike, Subscription } from 'rxjs';
import { backOff, scheduleAfter } from '../../backpressure/longDelay.js';

/** Pauses between the attempts of a request that may succeed another time. */
const pauses = { delay: 100, maxDelay: 1_000 } as const;

/** The request of a member that is under way, or the pause before the next one: the next replaces it. */
export class MemberRequests {
  readonly #scheduler: SchedulerLike;
  readonly #maxPause: number;
  #current = new Subscription();
  #isAsking = false;
  /** In a row. */
  #failures = 0;

  /** @param maxPause in ms */
  constructor(scheduler: SchedulerLike, maxPause: number) {
    this.#scheduler = scheduler;
    this.#maxPause = maxPause;
  }

  send<R>(send: () => ObservableInput<R>, done: (answer: R) => void, failed: (error: unknown) => void): void {
    this.#current.unsubscribe();
    this.#current = new Subscription();
    this.#isAsking = true;
    this.#ask(send, done, failed);
  }

  /** Sends a request beside the one that is under way: what is answered first counts, and the other no more. */
  sendBeside<R>(send: () => ObservableInput<R>, done: (answer: R) => void, failed: (error: unknown) => void): void {
    if (this.#isAsking) this.#ask(send, done, failed);
    else this.send(send, done, failed);
  }

  /** The next request comes in `delay` ms. */
  wait(delay: number, next: () => void): void {
    this.#current.unsubscribe();
    this.#isAsking = false;
    this.#current = scheduleAfter(this.#scheduler, delay, next);
  }

  /** The request has failed, and is sent `again` after a pause that grows with each failure in a row. */
  retry(again: () => void): void {
    this.wait(Math.min(backOff(pauses, this.#failures), this.#maxPause), again);
    this.#failures = Math.min(this.#failures + 1, 10);
  }

  succeeded(): void {
    this.#failures = 0;
  }

  close(): void {
    this.#current.unsubscribe();
  }

  #ask<R>(send: () => ObservableInput<R>, done: (answer: R) => void, failed: (error: unknown) => void): void {
    const request = this.#current;
    const answered = defer(send).pipe(last(undefined, undefined as R));
    request.add(
      answered.subscribe({
        next: (answer) => {
          // What follows replaces the request.
          if (!request.closed) done(answer);
        },
        error: (error: unknown) => {
          if (!request.closed) failed(error);
        },
      }),
    );
  }
}
