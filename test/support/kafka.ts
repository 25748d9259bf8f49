import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { type ITopicConfig, Kafka, type KafkaConfig, logLevel, type Message, type Producer } from 'kafkajs';
import { describe } from 'vitest';
import { committedPartitions } from './committedPartitions.js';
import { createTopics } from './createTopics.js';

/** Brokers of the Kafka that `npm test` found or started. */
export const brokers = process.env.KAFKA_BROKERS?.split(',') ?? [];
export const saslBrokers = process.env.KAFKA_SASL_BROKERS?.split(',') ?? [];

/** Where they speak TLS, and the certificate that they show, PEM. */
export const tlsBrokers = process.env.KAFKA_TLS_BROKERS?.split(',') ?? [];
export const tlsCertificate = process.env.KAFKA_TLS_CA;

/** `describe`, when there is a Kafka; `npm test` says loudly when there is none. */
export const describeKafka = brokers.length > 0 ? describe : describe.skip;
export const describeSasl = saslBrokers.length > 0 ? describe : describe.skip;
export const describeTls = tlsBrokers.length > 0 ? describe : describe.skip;

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';

export function newKafka(config: Partial<KafkaConfig> = {}): Kafka {
  return new Kafka({ clientId: 'dstream-test', brokers, logLevel: logLevel.NOTHING, ...config });
}

/** A topic of its own for each test. */
export async function makeTopic(kafka: Kafka, partitions: number, config: Partial<ITopicConfig> = {}): Promise<string> {
  const topic = `test-${randomUUID()}`;
  await createTopic(kafka, topic, partitions, config);
  return topic;
}

export async function createTopic(
  kafka: Kafka,
  topic: string,
  partitions: number,
  config: Partial<ITopicConfig> = {},
): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  await createTopics(admin, [{ topic, numPartitions: partitions, ...config }]);
  await admin.disconnect();
}

/** What is sent again because the answer was late, as on a machine with other work, is written once. */
const once = { idempotent: true, maxInFlightRequests: 1 } as const;

/** kafkajs asks one broker only for a producer id, and fails where that one is away. */
async function connectedProducer(kafka: Kafka): Promise<Producer> {
  for (const deadline = Date.now() + 300_000; ; await setTimeout(100)) {
    const producer = kafka.producer({ ...once, allowAutoTopicCreation: false });
    try {
      await producer.connect();
      return producer;
    } catch (error) {
      await producer.disconnect();
      if (Date.now() > deadline) throw error;
    }
  }
}

/** Sends messages in the given order to given partitions. */
export async function produce(kafka: Kafka, topic: string, batches: Iterable<readonly Message[]>): Promise<void> {
  const producer = await connectedProducer(kafka);
  for (const messages of batches) await producer.send({ topic, messages: [...messages] });
  await producer.disconnect();
}

export async function committedOffsets(kafka: Kafka, groupId: string, topic: string): Promise<readonly number[]> {
  const admin = kafka.admin();
  await admin.connect();
  const found = await committedPartitions(admin, groupId, topic);
  await admin.disconnect();
  const partitions = [...found].sort((a, b) => a.partition - b.partition);
  return partitions.map(({ offset }) => Number(offset));
}
