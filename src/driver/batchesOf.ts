import { type Announcements, newAnnouncements } from '../batch/announcements.js';
import type { Batch } from '../batch/batch.js';
import type { Source } from '../sources/source.js';
import { BatchStream, type SubscribeBatches } from './batchStream.js';
import { checkSources, type ResolvedDriverOptions } from './driverOptions.js';
import type { DriverOutput } from './driverOutput.js';
import type { FailureHistory } from './monitoring/driverMonitor.js';
import { newDriver } from './newDriver.js';
import type { Ownership } from './ownership.js';

/** What `BatchStream` is constructed from. */
export type StreamParts<T> = ConstructorParameters<typeof BatchStream<T>>;

/** One source as a stream of its own. Cold: every subscription has its own driver and opens the source again. */
export function batchesOf<T>(
  name: string,
  source: Source<T>,
  options: ResolvedDriverOptions,
  ownership?: Ownership,
): BatchStream<T> {
  return new BatchStream<T>(...streamParts(name, source, options, ownership));
}

/** What the stream of one source is built from. */
export function streamParts<T>(
  name: string,
  source: Source<T>,
  options: ResolvedDriverOptions,
  ownership?: Ownership,
): StreamParts<T> {
  checkSources(options, { [name]: source });
  const history = { failed: 0 };
  const announcements = newAnnouncements();
  const subscribeTo = <R>(records: Source<R>) => subscribed(name, records, options, history, announcements, ownership);
  return [options.interval, announcements, subscribeTo(source), source.segments && subscribeTo(source.segments)];
}

function subscribed<T>(
  name: string,
  source: Source<T>,
  options: ResolvedDriverOptions,
  history: FailureHistory,
  announcements: Announcements,
  ownership: Ownership | undefined,
): SubscribeBatches<T> {
  return (subscriber) => {
    const output: DriverOutput = {
      next: (_, batch) => {
        subscriber.next(batch as Batch<T>);
        return true;
      },
      error: (error) => subscriber.error(error),
      complete: () => subscriber.complete(),
    };
    const driver = newDriver({ [name]: source }, options, output, history, announcements, ownership);
    driver.start();
    return { driver, close: () => driver.close() };
  };
}
