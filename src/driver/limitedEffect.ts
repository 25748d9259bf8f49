import { from, Observable, type ObservableInput, type SchedulerLike, type Subscriber } from 'rxjs';
import { scheduleAfter } from '../backpressure/longDelay.js';
import { TimedOutError } from '../batch/errors.js';
import type { EffectDescription } from '../batch/monitoring/effectRunner.js';

export interface EffectLimit {
  /** In ms, of one effect. */
  readonly outputTimeout: number;
  readonly scheduler: SchedulerLike;
}

/**
 * The effect of an output, which fails unless it completes within its limit; what it was doing is unsubscribed then. One that completes
 * synchronously costs no timer.
 */
export function limitedEffect<T>(
  limit: EffectLimit,
  time: number,
  effect: EffectDescription,
  work: () => ObservableInput<T>,
): Observable<T> {
  if (limit.outputTimeout === Infinity) return from(work());
  return new Observable<T>((subscriber) => {
    from(work()).subscribe(subscriber);
    limitEffect(limit, time, effect, subscriber);
  });
}

/** The same for an effect that has begun: its subscriber receives the error. */
export function limitEffect(
  { outputTimeout, scheduler }: EffectLimit,
  time: number,
  { operator, id, partition }: EffectDescription,
  subscriber: Subscriber<unknown>,
): void {
  if (subscriber.closed || outputTimeout === Infinity) return;
  const late = () => {
    const name = id === undefined ? operator : `${operator} "${id}"`;
    const where = partition === undefined ? '' : ` on partition ${partition}`;
    subscriber.error(new TimedOutError(`${name}${where} of batch ${time}`, outputTimeout));
  };
  subscriber.add(scheduleAfter(scheduler, outputTimeout, late));
}
