import {
  asyncScheduler,
  type MonoTypeOperatorFunction,
  Observable,
  type Observer,
  type SchedulerLike,
  Subject,
  type Subscription,
  takeUntil,
} from 'rxjs';
import { type RateLimiter, rateLimiter } from '../backpressure/rateLimiter.js';
import { Batch } from '../batch/batch.js';
import { InvalidOptionError, QueueOverflowError } from '../batch/errors.js';
import type { Hold } from '../batch/hold.js';
import { derivedFrom } from '../batch/lineage.js';
import { checkOptions, type OptionChecks } from '../options/checkOptions.js';
import {
  checkNonNegativeInteger,
  checkObserver,
  checkPositive,
  checkScheduler,
  oneOf,
  orInfinity,
  withMethods,
} from '../options/checks.js';
import { settled } from './base/settled.js';

/** A value that `limitRate` dropped because the queue was full. */
export interface DroppedValue {
  /** The value: a record, or a whole `Batch`. */
  readonly value: unknown;
  /** Number of values dropped so far in this subscription, including this one. */
  readonly dropped: number;
}

/** Options of `limitRate`. */
export interface LimitRateOptions {
  /** Records per second, greater than 0. Required without a `limiter`. */
  readonly rate?: number | undefined;
  /**
   * Number of records that may pass at once after a pause.
   * @default rate (the records of one second), at least 1
   */
  readonly burst?: number | undefined;
  /** A bucket that is shared with other operators, from `rateLimiter`, instead of `rate` and `burst`. Default: its own. */
  readonly limiter?: RateLimiter | undefined;
  /**
   * Number of values that may wait, or `Infinity`. With 0 none waits: what cannot pass at once overflows.
   * @default 1000
   */
  readonly maxQueue?: number | undefined;
  /**
   * What happens when the queue is full: fail with a `QueueOverflowError`, drop the value that has waited longest, or drop the
   * new one.
   * @default 'error'
   */
  readonly overflow?: 'error' | 'drop-oldest' | 'drop-newest' | undefined;
  /** Observes each value that is dropped. If its `next` throws, the stream fails. Default: no observer. */
  readonly dropObserver?: Partial<Observer<DroppedValue>> | undefined;
  /**
   * Clock and timer.
   * @default asyncScheduler
   */
  readonly scheduler?: SchedulerLike | undefined;
}

const optionChecks: OptionChecks<LimitRateOptions> = {
  rate: checkPositive,
  burst: checkPositive,
  limiter: withMethods('take'),
  maxQueue: orInfinity(checkNonNegativeInteger),
  overflow: oneOf('error', 'drop-oldest', 'drop-newest'),
  dropObserver: checkObserver,
  scheduler: checkScheduler,
};

/**
 * Limits the rate at which values pass, with a token bucket: values that arrive too fast wait their turn, in order. A value
 * is a record and costs one token; a `Batch` costs one token per record, and is held while it waits.
 *
 * Completion waits for the queue; an error does not.
 *
 * Source: Spark's `spark.streaming.receiver.maxRate`, as an operator.
 *
 * @throws {InvalidOptionError} if an option is out of its range, or `rate` and `limiter` are both set
 * @throws {QueueOverflowError} (as a notification) if more than `maxQueue` values wait and `overflow` is `'error'`
 *
 * @example
 * ```ts
 * import { limitRate } from 'dstream';
 * import { from } from 'rxjs';
 * import { TestScheduler } from 'rxjs/testing';
 *
 * new TestScheduler((actual, expected) => console.log(JSON.stringify(actual) === JSON.stringify(expected))).run(
 *   ({ expectObservable }) => {
 *     expectObservable(from('abc').pipe(limitRate({ rate: 500, burst: 1 }))).toBe('a-b-(c|)');
 *   },
 * );
 * // => true
 * ```
 *
 * @see {@link rateLimiter}
 * @see {@link fixedRate}
 * @see {@link receiverBatches}
 */
export function limitRate<T>(options: LimitRateOptions): MonoTypeOperatorFunction<T> {
  checkOptions('limitRate', options, optionChecks);
  const {
    limiter,
    rate = 0,
    burst = Math.max(rate, 1),
    maxQueue = 1_000,
    overflow = 'error',
    dropObserver,
    scheduler = asyncScheduler,
  } = options;
  if (limiter) checkLimiter(options);
  else checkPositive('limitRate', 'rate', rate);
  return (source) => {
    const limited = new Observable<T>((subscriber) => {
      const bucket = limiter ?? rateLimiter({ perSecond: rate, burst, scheduler });
      const queue: Waiting<T>[] = [];
      const left = new Subject<void>();
      let asked: Subscription | undefined;
      /** The head of the queue for which tokens have been asked, and the one for which they have been taken. */
      let awaited: Waiting<T> | undefined;
      let granted: Waiting<T> | undefined;
      let draining = false;
      let ended = false;
      let dropped = 0;

      /** Asks for the tokens of the head of the queue, once: the bucket may take them at once. */
      const ask = (head: Waiting<T>): void => {
        if (awaited === head) return;
        asked?.unsubscribe();
        awaited = head;
        asked = bucket.take(head.cost).subscribe(() => {
          granted = head;
          drain();
        });
      };
      const pass = (): void => {
        for (let next = queue[0]; next !== undefined && !subscriber.closed; next = queue[0]) {
          ask(next);
          if (granted !== next) return;
          queue.shift();
          subscriber.next(next.value);
          next.hold?.release();
        }
      };
      const overflowOne = (): void => {
        const waiting = (overflow === 'drop-oldest' ? queue.shift() : queue.pop()) as Waiting<T>;
        const report = settled(() => {
          if (overflow === 'error') throw new QueueOverflowError('limitRate', maxQueue);
          return dropObserver?.next?.({ value: waiting.value, dropped: ++dropped });
        });
        subscriber.add(
          report.subscribe({
            error: (error) => {
              waiting.hold?.fail(error);
              subscriber.error(error);
            },
            complete: () => waiting.hold?.release(),
          }),
        );
      };
      const drain = (): void => {
        // A consumer may make the source emit or complete within `next`: the running loop handles it.
        if (draining) return;
        draining = true;
        pass();
        while (queue.length > maxQueue && !subscriber.closed) overflowOne();
        draining = false;
        if (subscriber.closed) return;
        const [head] = queue;
        if (head) ask(head);
        if (ended && queue.length === 0) subscriber.complete();
      };
      subscriber.add(() => {
        left.next();
        asked?.unsubscribe();
        for (const { hold } of queue.splice(0)) hold?.abandon();
      });
      // With `takeUntil` a source that emits during `subscribe` sees at once that it was unsubscribed.
      source.pipe(takeUntil(left)).subscribe({
        next: (value) => {
          const waiting = waitingOf(value, () => {
            // The driver abandoned the batch: it goes no further.
            const place = queue.indexOf(waiting);
            if (place >= 0) queue.splice(place, 1);
            if (queue.length === 0) drain();
          });
          queue.push(waiting);
          drain();
        },
        error: (error: unknown) => subscriber.error(error),
        complete: () => {
          ended = true;
          drain();
        },
      });
    });
    return derivedFrom(limited, source);
  };
}

/** @throws {InvalidOptionError} if `limiter` is no limiter, or another rate is given beside it */
function checkLimiter({ rate, burst, scheduler }: LimitRateOptions): void {
  for (const [option, value] of Object.entries({ rate, burst, scheduler })) {
    if (value === undefined) continue;
    throw new InvalidOptionError('limitRate', option, value, 'cannot be set beside `limiter`, which has its own');
  }
}

interface Waiting<T> {
  readonly value: T;
  readonly cost: number;
  readonly hold: Hold | undefined;
}

function waitingOf<T>(value: T, aborted: () => void): Waiting<T> {
  if (value instanceof Batch) return { value, cost: value.size, hold: value.context.hold(aborted) };
  return { value, cost: 1, hold: undefined };
}
