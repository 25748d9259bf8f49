import type { Kafka, Producer, ProducerConfig } from 'kafkajs';
import { guardedClient } from './guardedClient.js';

/** A producer of kafkajs whose connections are guarded: see `ConnectionGuard`. */
export interface GuardedProducer {
  readonly producer: Producer;
  /** Destroys the sockets that the producer has left behind. */
  close(): void;
}

/** @throws {UnsupportedClientError} when `kafka` is not a client of kafkajs 2.2.4 */
export function guardedProducer(kafka: Kafka, config: ProducerConfig): GuardedProducer {
  const { client, close } = guardedClient(kafka);
  return { producer: client.producer(config), close };
}
