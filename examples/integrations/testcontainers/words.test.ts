import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { KafkaContainer, type StartedKafkaContainer } from '@testcontainers/kafka';
import { memoryCheckpoint, type Pair } from 'dstream';
import { Kafka, logLevel } from 'kafkajs';
import { lastValueFrom } from 'rxjs';
import { getContainerRuntimeClient } from 'testcontainers';
import { countWords } from './words.js';

const docker = await getContainerRuntimeClient().then(
  () => true,
  () => false,
);
if (!docker) console.error('NOT RUN: no docker engine answers, so there is no Kafka to test with');

describe('words from a real Kafka', { skip: !docker && 'no docker engine answers' }, () => {
  let container: StartedKafkaContainer;
  let kafka: Kafka;

  before(async () => {
    container = await new KafkaContainer('confluentinc/cp-kafka:7.9.1').withKraft().start();
    const brokers = [`${container.getHost()}:${container.getMappedPort(9093)}`];
    kafka = new Kafka({ clientId: 'words', brokers, logLevel: logLevel.NOTHING });
  });

  after(() => container?.stop());

  async function send(topic: string, words: readonly string[]): Promise<void> {
    const producer = kafka.producer();
    await producer.connect();
    await producer.send({ topic, messages: words.map((value) => ({ value })) });
    await producer.disconnect();
  }

  test('continues from its checkpoint, and counts no word twice', async () => {
    // A topic for each test, so that they do not disturb each other.
    const topic = 'words-continued';
    const admin = kafka.admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic, numPartitions: 3 }], waitForLeaders: true });
    await admin.disconnect();
    const checkpoint = memoryCheckpoint();
    const counts = new Map<string, number>();
    const write = (pairs: readonly Pair<string, number>[]) => {
      for (const [word, count] of pairs) counts.set(word, count);
    };
    const run = () => lastValueFrom(countWords(kafka, { topic, checkpoint, write }), { defaultValue: undefined });

    await send(topic, ['to', 'be', 'or', 'not', 'to', 'be']);
    await run();
    assert.deepEqual([...counts].sort(), [
      ['be', 2],
      ['not', 1],
      ['or', 1],
      ['to', 2],
    ]);
    await send(topic, ['to', 'be']);
    await run();
    assert.deepEqual([...counts].sort(), [
      ['be', 3],
      ['not', 1],
      ['or', 1],
      ['to', 3],
    ]);
  });
});
