import { batchesOf } from '../../driver/batchesOf.js';
import type { BatchStream } from '../../driver/batchStream.js';
import { driverChecks } from '../../driver/driverChecks.js';
import { type DriverOptions, resolveDriverOptions } from '../../driver/driverOptions.js';
import { checkOptions } from '../../options/checkOptions.js';
import { checkLogClient } from './checkLogClient.js';
import type { LogClient } from './logClient.js';
import type { LogSourceOptions } from './logSourceOptions.js';
import { resolvedLogSource } from './resolvedLogSource.js';
import { logSourceChecks, resolveLogSourceOptions } from './resolveLogSourceOptions.js';

/** What `logBatches` takes. */
export type LogBatchesOptions<T> = LogSourceOptions<T> & DriverOptions;

/**
 * The records of a partitioned log as a stream of batches, one per interval: the counterpart of `kafkaBatches` for any
 * `LogClient`, such as `memoryLog()`.
 *
 * @throws {InvalidOptionError} when an option is out of its range
 *
 * @see {@link memoryLog} for an example
 * @see {@link logSource} for several sources on one driver
 */
export function logBatches<T>(client: LogClient, options: LogBatchesOptions<T>): BatchStream<T> {
  checkLogClient('logBatches', 'client', client);
  checkOptions('logBatches', options, { ...driverChecks, ...logSourceChecks });
  const driver = resolveDriverOptions('logBatches', options);
  const source = resolvedLogSource('logBatches', () => client, resolveLogSourceOptions('logBatches', options));
  return batchesOf('log', source, driver);
}
