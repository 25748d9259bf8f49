import type { Kafka } from 'kafkajs';
import { batchesOf } from '../../../driver/batchesOf.js';
import type { BatchStream } from '../../../driver/batchStream.js';
import { type DriverOptions, resolveDriverOptions } from '../../../driver/driverOptions.js';
import { type KafkaSourceOptions, kafkaSource } from './kafkaSource.js';

/** What `kafkaBatches` takes. */
export type KafkaBatchesOptions<T> = KafkaSourceOptions<T> & DriverOptions;

/**
 * Kafka topics as a stream of batches, one an interval.
 *
 * At each tick the offset ranges of the batch are fixed (by the rate of the controller, shared out by lag), then read,
 * deserialized and dispatched; when every output has settled the batch is complete, and only then are its offsets
 * committed. `kafka` is the user's own kafkajs client; TLS, SASL, retries and logging are as set there.
 *
 * Errors come as typed notifications: `UnknownTopicError`, `ConnectionError`, `AuthenticationError`,
 * `OffsetOutOfRangeError` and the others on the errors page. Those that are `retriable` may be retried with `retry()`:
 * a new subscription goes on from the checkpoint, or from the committed offsets.
 *
 * Source: Spark's direct Kafka stream (`DirectKafkaInputDStream`).
 *
 * @throws {InvalidOptionError} when an option is out of its range
 * @throws {UnsupportedClientError} when `kafka` is no client of kafkajs 2.2.4
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
export function kafkaBatches<T>(kafka: Kafka, options: KafkaBatchesOptions<T>): BatchStream<T> {
  const resolved = resolveDriverOptions('kafkaBatches', options);
  return batchesOf('kafka', kafkaSource(kafka, options, 'kafkaBatches'), resolved);
}
