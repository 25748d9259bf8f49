import type { Kafka } from 'kafkajs';
import { guardedProducer } from './guardedProducer.js';
import { kafkajsPort } from './kafkajsPort.js';
import { type KafkaAccess, KafkaRuntime } from './kafkaRuntime.js';

/**
 * What streams and outputs use of what the user has handed them.
 *
 * @throws {UnsupportedClientError} when it is neither a client of kafkajs 2.2.4 nor a runtime
 * @throws {RuntimeClosedError} when it is a runtime that is closed
 */
export function kafkaAccess(kafka: Kafka | KafkaRuntime): KafkaAccess {
  if (kafka instanceof KafkaRuntime) return kafka.access();
  return {
    kafka,
    port: () => kafkajsPort(kafka),
    producer: (config, adapt) => guardedProducer(kafka, config, adapt),
    budget: undefined,
  };
}
