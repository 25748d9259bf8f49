import type { Batch } from '../batch/batch.js';
import type { Source } from '../sources/source.js';
import { BatchDriver } from './batchDriver.js';
import { BatchStream, type SubscribeBatches } from './batchStream.js';
import { checkSources, type ResolvedDriverOptions } from './driverOptions.js';
import type { FailureHistory } from './monitoring/driverMonitor.js';

/** One source as a stream of its own. Cold: every subscription has its own driver and opens the source again. */
export function batchesOf<T>(name: string, source: Source<T>, options: ResolvedDriverOptions): BatchStream<T> {
  checkSources(options, { [name]: source });
  const history = { failed: 0 };
  const segments = source.segments && subscribeTo(name, source.segments, options, history);
  return new BatchStream<T>(options.interval, subscribeTo(name, source, options, history), segments);
}

function subscribeTo<T>(
  name: string,
  source: Source<T>,
  options: ResolvedDriverOptions,
  history: FailureHistory,
): SubscribeBatches<T> {
  return (subscriber) => {
    const driver = new BatchDriver(
      { [name]: source },
      options,
      {
        next: (_, batch) => {
          subscriber.next(batch as Batch<T>);
          return true;
        },
        error: (error) => subscriber.error(error),
        complete: () => subscriber.complete(),
      },
      history,
    );
    driver.start();
    return { driver, close: () => driver.close() };
  };
}
