import { defer, last, type ObservableInput, Subscription } from 'rxjs';
import { backOff, scheduleAfter } from '../../backpressure/longDelay.js';
import type { EventFacts } from './memberEvents.js';
import type { GroupMemberOptions } from './memberOptions.js';

/** Pauses between the attempts of a request that may succeed another time. */
const pauses = { delay: 100, maxDelay: 1_000 } as const;

/** How often `failing` is repeated, in ms. */
const tellEveryMs = 60_000;

/** Tells of requests that fail again and again, and of the first one after them that does not. */
type Tell = (type: 'failing' | 'recovered', facts: EventFacts) => void;

/** The request of a member that is under way, or the pause before the next one: the next replaces it. */
export class MemberRequests {
  readonly #options: Pick<GroupMemberOptions, 'scheduler' | 'heartbeatInterval' | 'sessionTimeout'>;
  readonly #tell: Tell;
  #current = new Subscription();
  #isAsking = false;
  /** In a row. */
  #failures = 0;
  #failsSince = 0;
  #error: unknown;
  #toldAt = -Infinity;

  constructor(options: Pick<GroupMemberOptions, 'scheduler' | 'heartbeatInterval' | 'sessionTimeout'>, tell: Tell) {
    this.#options = options;
    this.#tell = tell;
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

  /**
   * The request has failed, and is sent `again` after a pause that grows with each failure in a row. What has failed for a third of a session
   * is reported.
   */
  retry(error: unknown, again: () => void): void {
    const { scheduler, sessionTimeout, heartbeatInterval } = this.#options;
    const now = scheduler.now();
    this.wait(Math.min(backOff(pauses, this.#failures), heartbeatInterval), again);
    if (this.#failures++ === 0) this.#failsSince = now;
    this.#error = error;
    if (now - this.#failsSince < sessionTimeout / 3 || now - this.#toldAt < tellEveryMs) return;
    this.#toldAt = now;
    this.#say('failing');
  }

  succeeded(): void {
    if (this.#toldAt > -Infinity) this.#say('recovered');
    this.#toldAt = -Infinity;
    this.#failures = 0;
  }

  #say(type: 'failing' | 'recovered'): void {
    const lasts = this.#options.scheduler.now() - this.#failsSince;
    this.#tell(type, { attempts: this.#failures, lasts, error: this.#error });
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
