import type { AnyStateDescription } from '../batch/announcedStates.js';
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
  const states = new Set<AnyStateDescription>();
  const subscribeTo = <R>(records: Source<R>) => subscribed(name, records, options, history, states);
  return new BatchStream<T>(
    options.interval,
    states,
    subscribeTo(source),
    source.segments && subscribeTo(source.segments),
  );
}

function subscribed<T>(
  name: string,
  source: Source<T>,
  options: ResolvedDriverOptions,
  history: FailureHistory,
  states: ReadonlySet<AnyStateDescription>,
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
      states,
    );
    driver.start();
    return { driver, close: () => driver.close() };
  };
}
