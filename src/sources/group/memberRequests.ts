import { defer, last, type ObservableInput, Subscription } from 'rxjs';
import { backOff, scheduleAfter } from '../../backpressure/longDelay.js';
import { FailuresInARow, type TellFailures } from './failuresInARow.js';
import type { GroupMemberOptions } from './memberOptions.js';

/** Pauses between the attempts of a request that may succeed another time. */
const pauses = { delay: 100, maxDelay: 1_000 } as const;

/** The request of a member that is under way, or the pause before the next one: the next replaces it. */
export class MemberRequests {
  readonly #options: Pick<GroupMemberOptions, 'scheduler' | 'heartbeatInterval' | 'sessionTimeout'>;
  readonly #failures: FailuresInARow;
  #current = new Subscription();
  #isAsking = false;

  constructor(
    options: Pick<GroupMemberOptions, 'scheduler' | 'heartbeatInterval' | 'sessionTimeout'>,
    tell: TellFailures,
  ) {
    this.#options = options;
    this.#failures = new FailuresInARow(options, tell);
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
    this.#current = scheduleAfter(this.#options.scheduler, delay, next);
  }

  /** The request has failed, and is sent `again` after a pause that grows with each failure in a row. */
  retry(error: unknown, again: () => void): void {
    this.wait(Math.min(backOff(pauses, this.#failures.count), this.#options.heartbeatInterval), again);
    this.#failures.failed(error);
  }

  succeeded(): void {
    this.#failures.succeeded();
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
