import type { Kafka, Producer, ProducerConfig } from 'kafkajs';
import { guardedClient } from './guardedClient.js';
import type { Broker } from './kafkajsCluster.js';

/** A producer of kafkajs whose connections are guarded: see `ConnectionGuard`. */
export interface GuardedProducer {
  readonly producer: Producer;
  /** Destroys the sockets that the producer has left behind. */
  close(): void;
}

/**
 * `adapt` may replace methods of each broker that the producer writes to.
 *
 * @throws {UnsupportedClientError} when `kafka` is not a client of kafkajs 2.2.4
 */
export function guardedProducer(
  kafka: Kafka,
  config: ProducerConfig,
  adapt?: (broker: Broker) => void,
): GuardedProducer {
  const { client, close } = guardedClient(kafka, adapt);
  return { producer: client.producer(config), close };
}
