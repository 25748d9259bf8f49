/** The user's client, of kafkajs 2.2.4. */
export type { Kafka } from 'kafkajs';
