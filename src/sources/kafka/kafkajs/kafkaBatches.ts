import { batchesOf } from '../../../driver/batchesOf.js';
import type { BatchStream } from '../../../driver/batchStream.js';
import { driverChecks } from '../../../driver/driverChecks.js';
import { type DriverOptions, resolveDriverOptions } from '../../../driver/driverOptions.js';
import { checkOptions } from '../../../options/checkOptions.js';
import { logSourceChecks } from '../../log/resolveLogSourceOptions.js';
import { checkNotExclusive } from '../../tasks/standbyOptions.js';
import { type ExclusiveOptions, exclusiveChecks, exclusiveOwnership } from './exclusiveOwnership.js';
import type { Kafka, KafkaRuntime } from './kafka.js';
import { kafkaClientChecks } from './kafkaClientOptions.js';
import { type KafkaSourceOptions, kafkaSourceOf } from './kafkaSource.js';

/** What `kafkaBatches` takes. */
export type KafkaBatchesOptions<T> = KafkaSourceOptions<T> & DriverOptions & ExclusiveOptions;

/**
 * Kafka topics as a stream of batches, one per interval.
 *
 * Each tick fixes the offset ranges of the batch, from the rate of the controller and the lag of the partitions. The records are then
 * read, deserialized and dispatched. When every output has settled the batch is complete, and only then are its offsets
 * committed. `kafka` is your own kafkajs client, with its settings for TLS, SASL, retries and logging.
 *
 * Errors arrive as typed notifications: `UnknownTopicError`, `ConnectionError`, `AuthenticationError`,
 * `OffsetOutOfRangeError` and the others on the errors page. A `retriable` one may be retried with `retry()`: a new subscription
 * continues from the checkpoint, or from the committed offsets.
 *
 * Source: Spark's direct Kafka stream (`DirectKafkaInputDStream`).
 *
 * @throws {InvalidOptionError} when an option is out of its range
 * @throws {UnsupportedClientError} when `kafka` is not a client of kafkajs 2.2.4
 * @throws {RuntimeClosedError} when `kafka` is a `kafkaRuntime` that is closed
 *
 * @see {@link kafkaSource} for several sources on one driver
 * @see {@link logBatches} for other logs, and a log in memory
 * @see {@link sendToKafka} for exactly-once output to Kafka
 *
 * @example
 * ```ts no-run
 * import { foreachBatch, json, pid } from 'dstream';
 * import { kafkaBatches } from 'dstream/kafka';
 * import { Kafka } from 'kafkajs';
 *
 * const kafka = new Kafka({ brokers: ['localhost:9092'] });
 * const flights = kafkaBatches(kafka, {
 *   topics: ['flights'],
 *   groupId: 'delays',
 *   interval: 1_000,
 *   deserialize: json<{ origin: string; delay: number }>(),
 *   backpressure: pid(),
 * });
 * flights.pipe(foreachBatch((records) => console.log(records.length))).subscribe();
 * ```
 */
export function kafkaBatches<T>(kafka: Kafka | KafkaRuntime, options: KafkaBatchesOptions<T>): BatchStream<T> {
  checkNotExclusive('kafkaBatches', options);
  checkOptions('kafkaBatches', options, {
    ...driverChecks,
    ...logSourceChecks,
    ...kafkaClientChecks,
    ...exclusiveChecks,
  });
  const driver = resolveDriverOptions('kafkaBatches', options);
  const source = kafkaSourceOf('kafkaBatches', kafka, options);
  return batchesOf('kafka', source, driver, exclusiveOwnership('kafkaBatches', kafka, options));
}
