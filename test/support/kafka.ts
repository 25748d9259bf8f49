import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { type Admin, type ITopicConfig, Kafka, type KafkaConfig, logLevel, type Message, type Producer } from 'kafkajs';
import { describe } from 'vitest';

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
  // Not by kafkajs's waitForLeaders: it fails when it asks a broker of a cluster that has not heard of the topic yet.
  await admin.createTopics({ topics: [{ topic, numPartitions: partitions, ...config }], waitForLeaders: false });
  await untilLed(admin, topic);
  await admin.disconnect();
}

/** Waits until each partition of a topic has a leader. */
export async function untilLed(admin: Admin, topic: string): Promise<void> {
  for (const deadline = Date.now() + 60_000; !(await hasLeaders(admin, topic)); await setTimeout(20)) {
    if (Date.now() > deadline) throw new Error(`topic ${topic} has no leaders after a minute`);
  }
}

async function hasLeaders(admin: Admin, topic: string): Promise<boolean> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] }).catch(() => ({ topics: [] }));
  return topics.some(({ partitions }) => partitions.length > 0 && partitions.every(({ leader }) => leader >= 0));
}

/** What is sent again because the answer was late, as on a machine with other work, is written once. */
const once = { idempotent: true, maxInFlightRequests: 1 } as const;

/** kafkajs asks one broker only for a producer id, and fails where that one is away. */
async function connectedProducer(kafka: Kafka): Promise<Producer> {
  for (const deadline = Date.now() + 60_000; ; await setTimeout(100)) {
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
  const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] });
  await admin.disconnect();
  const partitions = [...(offsets?.partitions ?? [])].sort((a, b) => a.partition - b.partition);
  return partitions.map(({ offset }) => Number(offset));
}
