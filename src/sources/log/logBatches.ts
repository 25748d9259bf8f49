import { batchesOf } from '../../driver/batchesOf.js';
import type { BatchStream } from '../../driver/batchStream.js';
import { type DriverOptions, resolveDriverOptions } from '../../driver/driverOptions.js';
import type { LogClient } from './logClient.js';
import { logSource } from './logSource.js';
import type { LogSourceOptions } from './logSourceOptions.js';

export type LogBatchesOptions<T> = LogSourceOptions<T> & DriverOptions;

/**
 * The records of a partitioned log as a stream of batches, one an interval: what `kafkaBatches` is for Kafka, over any
 * `LogClient`, such as `memoryLog()`.
 *
 * @throws {InvalidOptionError} when an option is out of its range
 *
 * @see memoryLog for an example
 */
export function logBatches<T>(client: LogClient, options: LogBatchesOptions<T>): BatchStream<T> {
  const resolved = resolveDriverOptions('logBatches', options);
  return batchesOf('log', logSource(client, options, 'logBatches'), resolved);
}
