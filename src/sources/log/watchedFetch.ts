import type { SchedulerLike } from 'rxjs';
import type { FetchEvent } from '../../batch/monitoring/monitorEvents.js';
import type { SourceSetup } from '../source.js';
import type { FetchedPartition, FetchRequest } from './logClient.js';

/** One request, as a monitor sees it. */
export class WatchedFetch {
  readonly #request: Pick<FetchEvent, 'broker' | 'partitions' | 'startTime'>;
  readonly #now: () => number;
  readonly #observer: NonNullable<SourceSetup['fetched']>;
  #bytes = 0;
  #throttleTime = 0;

  constructor(
    broker: string,
    partitions: readonly FetchRequest[],
    scheduler: SchedulerLike,
    observer: NonNullable<SourceSetup['fetched']>,
  ) {
    this.#request = { broker, partitions, startTime: scheduler.now() };
    this.#now = () => scheduler.now();
    this.#observer = observer;
  }

  readonly throttled = (duration: number): void => {
    this.#throttleTime += duration;
  };

  received(partitions: readonly FetchedPartition[]): void {
    for (const { bytes } of partitions) this.#bytes += bytes;
  }

  ended(failure?: { readonly error: unknown }): void {
    const duration = this.#now() - this.#request.startTime;
    this.#observer({ ...this.#request, duration, bytes: this.#bytes, throttleTime: this.#throttleTime, ...failure });
  }
}
