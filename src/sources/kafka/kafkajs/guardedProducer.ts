import type { Kafka, Producer, ProducerConfig } from 'kafkajs';
import type { ConnectionError } from '../../../batch/errors.js';
import { ConnectionGuard } from './connectionGuard.js';
import { clusterFactory } from './kafkajsCluster.js';

/** A producer of kafkajs whose connections are guarded: see `ConnectionGuard`. */
export interface GuardedProducer {
  readonly producer: Producer;
  /** Destroys the sockets that the producer has left behind. */
  close(): void;
}

/** @throws {UnsupportedClientError} when `kafka` is not a client of kafkajs 2.2.4 */
export function guardedProducer(kafka: Kafka, config: ProducerConfig): GuardedProducer {
  const guards: ConnectionGuard[] = [];
  const { symbol, create } = clusterFactory(kafka);
  const guardedCreate = (options: unknown) => {
    const cluster = create(options);
    guards.push(new ConnectionGuard(cluster.brokerPool.connectionPoolBuilder, { lost: closedConnection }));
    return cluster;
  };
  const guarded: Kafka = Object.create(kafka, { [symbol]: { value: guardedCreate } });
  const producer = guarded.producer(config);
  const close = () => {
    for (const guard of guards) guard.close();
  };
  return { producer, close };
}

/** kafkajs's producer asks for metadata again, and repeats the request, by the name of the error. */
function closedConnection(cause: ConnectionError): Error {
  return Object.assign(new Error(cause.message, { cause }), { name: 'KafkaJSConnectionClosedError', retriable: true });
}
