import type { SchedulerLike } from 'rxjs';
import type { FetchEvent } from '../../batch/monitoring/monitorEvents.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import type { SourceSetup } from '../source.js';
import type { FetchedPartition, FetchRequest } from './logClient.js';

/** One request, as a monitor sees it. */
export class WatchedFetch {
  readonly #request: Pick<FetchEvent, 'broker' | 'host' | 'port' | 'partitions' | 'startTime'>;
  readonly #now: () => number;
  readonly #observer: NonNullable<SourceSetup['fetched']>;
  readonly #received: OffsetRange[] = [];
  #bytes = 0;
  #throttleTime = 0;

  constructor(
    { broker, ...address }: Pick<FetchEvent, 'broker' | 'host' | 'port'>,
    partitions: readonly FetchRequest[],
    scheduler: SchedulerLike,
    observer: NonNullable<SourceSetup['fetched']>,
  ) {
    this.#request = { broker, ...address, partitions, startTime: scheduler.now() };
    this.#now = () => scheduler.now();
    this.#observer = observer;
  }

  readonly throttled = (duration: number): void => {
    this.#throttleTime += duration;
  };

  received(partitions: readonly FetchedPartition[]): void {
    for (const { topic, partition, offset, bytes, records } of partitions) {
      this.#bytes += bytes;
      if (records) this.#received.push({ topic, partition, from: offset, until: records.end });
    }
  }

  ended(failure?: { readonly error: unknown }): void {
    const duration = this.#now() - this.#request.startTime;
    const answer = { received: this.#received, bytes: this.#bytes, throttleTime: this.#throttleTime };
    this.#observer({ ...this.#request, duration, ...answer, ...failure });
  }
}
