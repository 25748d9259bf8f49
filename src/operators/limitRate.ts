import { asyncScheduler, type MonoTypeOperatorFunction, Observable, type SchedulerLike, Subscription } from 'rxjs';
import { TokenBucket } from '../backpressure/tokenBucket.js';
import { Batch } from '../batch/batch.js';
import { checkOneOf, checkPositive, checkPositiveInteger } from '../batch/checks.js';
import { QueueOverflowError } from '../batch/errors.js';
import type { Hold } from '../batch/hold.js';

export interface LimitRateOptions {
  /** Records per second. */
  readonly rate: number;
  /**
   * How many records may pass at once after a pause.
   * @default rate, that is, one second's worth
   */
  readonly burst?: number;
  /**
   * How many values may wait.
   * @default 1000
   */
  readonly maxQueue?: number;
  /**
   * What to do with a value when the queue is full: fail with a `QueueOverflowError`, or drop the oldest waiting one or
   * the new one.
   * @default 'error'
   */
  readonly overflow?: 'error' | 'drop-oldest' | 'drop-newest';
  /** Told of each value that is dropped. */
  readonly onDrop?: (value: unknown) => void;
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
    onDrop,
    scheduler = asyncScheduler,
  } = options;
  checkPositive('limitRate', 'rate', rate);
  checkPositive('limitRate', 'burst', burst);
  checkPositiveInteger('limitRate', 'maxQueue', maxQueue);
  checkOneOf('limitRate', 'overflow', overflow, ['error', 'drop-oldest', 'drop-newest']);
  return (source) =>
    new Observable((subscriber) => {
      const bucket = new TokenBucket(rate, burst, scheduler.now());
      const queue: Waiting<T>[] = [];
      const timer = new Subscription();
      let waiting = false;
      let ended = false;

      const drop = ({ value, hold }: Waiting<T>): void => {
        onDrop?.(value);
        hold?.release();
      };
      const drain = (): void => {
        waiting = false;
        while (!subscriber.closed) {
          const next = queue[0];
          if (next === undefined) break;
          if (!bucket.take(scheduler.now(), next.cost)) {
            waiting = true;
            timer.add(scheduler.schedule(drain, bucket.wait(scheduler.now(), next.cost)));
            return;
          }
          queue.shift();
          subscriber.next(next.value);
          next.hold?.release();
        }
        if (ended) subscriber.complete();
      };
      const enqueue = (value: T): void => {
        if (queue.length >= maxQueue) {
          if (overflow === 'error') {
            subscriber.error(new QueueOverflowError('limitRate', maxQueue));
            return;
          }
          if (overflow === 'drop-newest') {
            drop(waitingOf(value));
            return;
          }
          drop(queue.shift() as Waiting<T>);
        }
        queue.push(waitingOf(value));
        if (!waiting) drain();
      };

      subscriber.add(timer);
      subscriber.add(() => {
        for (const { hold } of queue.splice(0)) hold?.abandon();
      });
      subscriber.add(
        source.subscribe({
          next: enqueue,
          error: (error: unknown) => subscriber.error(error),
          complete: () => {
            ended = true;
            if (!waiting) subscriber.complete();
          },
        }),
      );
    });
}

interface Waiting<T> {
  readonly value: T;
  readonly cost: number;
  readonly hold: Hold | undefined;
}

function waitingOf<T>(value: T): Waiting<T> {
  if (value instanceof Batch) return { value, cost: value.size, hold: value.context.hold() };
  return { value, cost: 1, hold: undefined };
}
