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
import { TokenBucket } from '../backpressure/tokenBucket.js';
import { Batch } from '../batch/batch.js';
import { QueueOverflowError } from '../batch/errors.js';
import type { Hold } from '../batch/hold.js';
import { checkNonNegativeInteger, checkObserver, checkOneOf, checkPositive } from '../options/checks.js';

/** A value that `limitRate` dropped because the queue was full. */
export interface DroppedValue {
  /** The value: a record, or a whole `Batch`. */
  readonly value: unknown;
  /** Number of values dropped so far in this subscription, including this one. */
  readonly dropped: number;
}

/** Options of `limitRate`. */
export interface LimitRateOptions {
  /** Records per second. */
  readonly rate: number;
  /**
   * How many records may pass at once after a pause.
   * @default rate, that is, one second's worth, and at least 1
   */
  readonly burst?: number;
  /**
   * How many values may wait. With 0 none waits: what cannot pass at once is an overflow.
   * @default 1000
   */
  readonly maxQueue?: number;
  /**
   * What to do when more wait than may: fail with a `QueueOverflowError`, or drop the value that waits longest, or the
   * new one.
   * @default 'error'
   */
  readonly overflow?: 'error' | 'drop-oldest' | 'drop-newest';
  /** Observes each value that is dropped. If its `next` throws, the stream fails. Default: no observer. */
  readonly dropObserver?: Partial<Observer<DroppedValue>>;
  /** @default asyncScheduler */
  readonly scheduler?: SchedulerLike;
}

/**
 * Lets values pass at a limited rate, by a token bucket: what comes too fast waits its turn, in order. A value is a record
 * and costs one token; a `Batch` costs as many as it has records, and is held while it waits.
 *
 * Completion waits for the queue; an error does not.
 *
 * @throws {InvalidOptionError} when an option is out of its range
 * @throws {QueueOverflowError} (as a notification) when more than `maxQueue` values wait and `overflow` is `'error'`
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
 */
export function limitRate<T>(options: LimitRateOptions): MonoTypeOperatorFunction<T> {
  const {
    rate,
    burst = Math.max(rate, 1),
    maxQueue = 1_000,
    overflow = 'error',
    dropObserver,
    scheduler = asyncScheduler,
  } = options;
  checkPositive('limitRate', 'rate', rate);
  checkPositive('limitRate', 'burst', burst);
  checkNonNegativeInteger('limitRate', 'maxQueue', maxQueue);
  checkOneOf('limitRate', 'overflow', overflow, ['error', 'drop-oldest', 'drop-newest']);
  if (dropObserver !== undefined) checkObserver('limitRate', 'dropObserver', dropObserver);
  return (source) =>
    new Observable((subscriber) => {
      const bucket = new TokenBucket(rate, burst, scheduler.now());
      const queue: Waiting<T>[] = [];
      const left = new Subject<void>();
      let timer: Subscription | undefined;
      let awaited: Waiting<T> | undefined;
      let draining = false;
      let ended = false;
      let dropped = 0;

      const pass = (): void => {
        for (let next = queue[0]; next !== undefined && !subscriber.closed; next = queue[0]) {
          if (!bucket.take(scheduler.now(), next.cost)) return;
          queue.shift();
          subscriber.next(next.value);
          next.hold?.release();
        }
      };
      const overflowOne = (): void => {
        const waiting = (overflow === 'drop-oldest' ? queue.shift() : queue.pop()) as Waiting<T>;
        try {
          if (overflow === 'error') throw new QueueOverflowError('limitRate', maxQueue);
          dropObserver?.next?.({ value: waiting.value, dropped: ++dropped });
          waiting.hold?.release();
        } catch (error) {
          waiting.hold?.fail(error);
          subscriber.error(error);
        }
      };
      // One timer at most, for the head of the queue, and none is kept once it has fired.
      const arm = (): void => {
        if (awaited === queue[0]) return;
        timer?.unsubscribe();
        awaited = queue[0];
        if (awaited) timer = scheduler.schedule(onTimer, bucket.wait(scheduler.now(), awaited.cost));
      };
      const drain = (): void => {
        // A consumer may make the source emit or complete from within `next`: the loop that is running sees to it.
        if (draining) return;
        draining = true;
        pass();
        while (queue.length > maxQueue && !subscriber.closed) overflowOne();
        draining = false;
        if (subscriber.closed) return;
        arm();
        if (ended && queue.length === 0) subscriber.complete();
      };
      const onTimer = (): void => {
        timer?.unsubscribe();
        awaited = undefined;
        drain();
      };

      subscriber.add(() => {
        left.next();
        timer?.unsubscribe();
        for (const { hold } of queue.splice(0)) hold?.abandon();
      });
      // By `takeUntil` a source that emits while it is subscribed to sees at once that nobody listens any more.
      source.pipe(takeUntil(left)).subscribe({
        next: (value) => {
          const waiting = waitingOf(value, () => {
            // The batch was given up by its driver: it goes no further.
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
}

interface Waiting<T> {
  readonly value: T;
  readonly cost: number;
  readonly hold: Hold | undefined;
}

function waitingOf<T>(value: T, aborted: () => void): Waiting<T> {
  if (value instanceof Batch) return { value, cost: value.size, hold: value.context.hold('work', aborted) };
  return { value, cost: 1, hold: undefined };
}
