/** The user's client, of kafkajs 2.2.4. */
export type { Kafka } from 'kafkajs';
/** What may be given in its place. */
export type { KafkaRuntime } from './kafkaRuntime.js';
