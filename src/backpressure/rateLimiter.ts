import {
  asyncScheduler,
  concatMap,
  Observable,
  type ObservableInput,
  type SchedulerLike,
  type Subscription,
} from 'rxjs';
import { Fifo } from '../collections/fifo.js';
import { checkOptions, type OptionChecks, required } from '../options/checkOptions.js';
import { checkFunction, checkNonNegative, checkPositive, checkScheduler } from '../options/checks.js';
import { scheduleAfter } from './longDelay.js';
import { steadyClock } from './steadyClock.js';
import { TokenBucket } from './tokenBucket.js';

/** Options of `rateLimiter`. */
export interface RateLimiterOptions {
  /** Tokens per second, greater than 0. */
  readonly perSecond: number;
  /**
   * Number of tokens that may be taken at once after a pause.
   * @default perSecond (the tokens of one second), at least 1
   */
  readonly burst?: number | undefined;
  /**
   * Clock and timer.
   * @default asyncScheduler
   */
  readonly scheduler?: SchedulerLike | undefined;
}

/** One token bucket for everything that takes from it: see `rateLimiter`. */
export interface RateLimiter {
  /**
   * Emits once, when the tokens have been taken, and completes. The first to ask is served first; unsubscribing before that leaves the
   * tokens to the others. More tokens than `burst` are taken from a full bucket, which is then in debt.
   * @param tokens 1 by default
   */
  take(tokens?: number): Observable<void>;
  /** Takes the tokens, then calls `work` and emits what it returns. A retry of the result takes tokens again. */
  run<R>(work: () => ObservableInput<R>, tokens?: number): Observable<R>;
  /** Serves nobody for `ms`, as a `Retry-After` header demands. A shorter pause does not end a longer one. */
  pause(ms: number): void;
}

interface Waiting {
  readonly tokens: number;
  grant: (() => void) | undefined;
}

const optionChecks: OptionChecks<RateLimiterOptions> = {
  perSecond: required(checkPositive),
  burst: checkPositive,
  scheduler: checkScheduler,
};

/**
 * A rate that several operators, retries and batches share, such as that of an HTTP API: a token bucket in the order of asking. Pass it to
 * `limitRate`, or take from it within an effect.
 *
 * @throws {InvalidOptionError} if an option is out of its range
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches, rateLimiter } from 'dstream';
 * import { of } from 'rxjs';
 * import { TestScheduler } from 'rxjs/testing';
 *
 * const scheduler = new TestScheduler(() => {});
 * scheduler.run(() => {
 *   const api = rateLimiter({ perSecond: 2, burst: 1 });
 *   const post = (user: string) => of(console.log(scheduler.now(), user));
 *   fromBatches([['ann', 'bob'], ['eve']], { interval: 100 })
 *     .pipe(foreachBatch((users) => users.map((user) => api.run(() => post(user)))))
 *     .subscribe();
 * });
 * // => 100 ann
 * // => 600 bob
 * // => 1100 eve
 * ```
 *
 * @see {@link limitRate}
 * @see {@link foreachBatch}
 */
export function rateLimiter(options: RateLimiterOptions): RateLimiter {
  checkOptions('rateLimiter', options, optionChecks);
  const { perSecond, burst = Math.max(perSecond, 1), scheduler = asyncScheduler } = options;
  return new SharedBucket(perSecond, burst, scheduler);
}

class SharedBucket implements RateLimiter {
  readonly #rate: number;
  readonly #burst: number;
  readonly #scheduler: SchedulerLike;
  readonly #queue = new Fifo<Waiting>();
  #now: (() => number) | undefined;
  #bucket: TokenBucket | undefined;
  #pausedUntil = -Infinity;
  #timer: Subscription | undefined;
  #serving = false;

  constructor(rate: number, burst: number, scheduler: SchedulerLike) {
    this.#rate = rate;
    this.#burst = burst;
    this.#scheduler = scheduler;
  }

  take(tokens = 1): Observable<void> {
    checkNonNegative('rateLimiter', 'tokens', tokens);
    return new Observable((subscriber) => {
      const waiting: Waiting = {
        tokens,
        grant: () => {
          subscriber.next();
          subscriber.complete();
        },
      };
      subscriber.add(() => {
        waiting.grant = undefined;
        if (this.#queue.first === waiting) this.#serve();
      });
      this.#queue.push(waiting);
      this.#serve();
    });
  }

  run<R>(work: () => ObservableInput<R>, tokens?: number): Observable<R> {
    checkFunction('rateLimiter', 'work', work);
    return this.take(tokens).pipe(concatMap(() => work()));
  }

  pause(ms: number): void {
    checkNonNegative('rateLimiter', 'ms', ms);
    this.#pausedUntil = Math.max(this.#time() + ms, this.#pausedUntil);
    this.#serve();
  }

  /** The clock begins when it is first read, so that a limiter may be created outside of virtual time. */
  #time(): number {
    this.#now ??= steadyClock(this.#scheduler);
    return this.#now();
  }

  /** Serves those whose turn it is, and sets the one timer for the next. */
  #serve(): void {
    // The one that is served may ask again at once: the running loop serves that too.
    if (this.#serving) return;
    this.#serving = true;
    this.#timer?.unsubscribe();
    this.#timer = undefined;
    for (let first = this.#queue.first; first; first = this.#queue.first) {
      const delay = first.grant ? this.#delayOf(first.tokens) : 0;
      if (delay > 0) {
        this.#timer = scheduleAfter(this.#scheduler, delay, () => this.#serve());
        break;
      }
      this.#queue.shift();
      first.grant?.();
    }
    this.#serving = false;
  }

  /** Takes the tokens, or returns how long it takes until that can be tried again, in ms. */
  #delayOf(tokens: number): number {
    const now = this.#time();
    if (now < this.#pausedUntil) return Math.ceil(this.#pausedUntil - now);
    this.#bucket ??= new TokenBucket(this.#rate, this.#burst, now);
    if (this.#bucket.take(now, tokens)) return 0;
    return Math.max(this.#bucket.wait(now, tokens), 1);
  }
}
