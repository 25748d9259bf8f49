import { EMPTY, Observable, type SchedulerLike } from 'rxjs';
import type { LogPartitions } from './logPartitions.js';
import type { ReadAhead } from './readAhead.js';
import { stallMs } from './stallWatch.js';

/** Reads the first records of partitions that have never been read, so that a batch can be bounded by bytes. */
export function sampledSizes(
  partitions: LogPartitions,
  readAhead: ReadAhead,
  scheduler: SchedulerLike,
): Observable<unknown> {
  const unknown = partitions.present.filter((state) => state.lag > 0 && !state.size.known);
  if (unknown.length === 0) return EMPTY;
  return new Observable((subscriber) => {
    const look = () => {
      if (!unknown.some((state) => state.sampling)) subscriber.complete();
    };
    const fail = (error: unknown) => subscriber.error(error);
    subscriber.add(readAhead.arrivals.subscribe({ next: look, error: fail }));
    const giveUp = (): void => {
      const silent = unknown.filter(({ sampling }) => sampling);
      if (silent.length > 0 && partitions.leave(silent)) look();
    };
    subscriber.add(scheduler.schedule(giveUp, stallMs));
    readAhead.sample(unknown);
    look();
  });
}
