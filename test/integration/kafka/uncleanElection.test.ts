import { memoryCheckpoint } from 'dstream';
import type { Kafka } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KafkaCluster, startKafka, whyNoBroker } from '../../../scripts/kafka-broker.mjs';
import { eventually, reading } from '../../support/identity.js';
import { newKafka } from '../../support/kafka.js';
import { Replicas } from '../../support/replicas.js';

const named = (name: string, count: number, from = 0) => Array.from({ length: count }, (_, i) => `${name}${from + i}`);

// Needs a cluster of its own, whose brokers it may kill.
describe.skipIf(whyNoBroker())('a log that an unclean election has cut', () => {
  let cluster: KafkaCluster;
  let replicas: Replicas;
  let kafka: Kafka;
  let topics = 0;
  beforeAll(async () => {
    cluster = await startKafka({ nodes: 3 });
    replicas = new Replicas(cluster);
    ({ kafka } = replicas);
  }, 600_000);
  afterAll(() => cluster?.stop(), 120_000);

  const send = (topic: string, values: readonly string[], acks = 1) =>
    eventually('sending', async () => {
      // With a client of its own: the leader may have changed.
      const producer = newKafka({ brokers: cluster.brokers.split(','), retry: { retries: 0 } }).producer();
      await producer.connect();
      try {
        await producer.send({ topic, acks, messages: values.map((value) => ({ value, partition: 0 })) });
      } finally {
        await producer.disconnect();
      }
    });

  /** A topic of two replicas with 100 records on both, and 200 that only the leader (node 2) has. */
  async function prepare(): Promise<string> {
    const topic = `unclean-${++topics}`;
    await replicas.makeTopic(topic);
    // Both have them when it is answered.
    await send(topic, named('old', 100), -1);
    await replicas.part(topic);
    await send(topic, named('old', 200, 100));
    return topic;
  }

  /** Node 3 becomes the leader, with the first 100 records, and gets 400 others. */
  async function elect(topic: string): Promise<void> {
    await replicas.elect();
    await send(topic, named('new', 400));
  }

  it('is read on from where it was cut while the stream runs', { timeout: 600_000 }, async () => {
    const topic = await prepare();
    const run = reading({ kafka, topic, offsetOutOfRange: 'earliest' });
    await run.has(300);
    await elect(topic);
    await run.has(700);
    await run.stop();
    await replicas.restore(topic);
    expect(run.errors).toEqual([]);
    expect(run.values).toEqual([...named('old', 300), ...named('new', 400)]);
    expect(run.lost).toMatchObject([{ topic, partition: 0, from: 100, until: 300 }]);
  });

  it('fails the stream by default, and is read on from there with a checkpoint', { timeout: 600_000 }, async () => {
    const topic = await prepare();
    const checkpoint = memoryCheckpoint();
    const first = reading({ kafka, topic, checkpoint });
    await first.has(300);
    await first.stop();
    await elect(topic);
    const refused = reading({ kafka, topic, checkpoint });
    await refused.failed();
    const second = reading({ kafka, topic, checkpoint, offsetOutOfRange: 'earliest' });
    await second.has(400);
    await second.stop();
    await replicas.restore(topic);
    expect(refused.values).toEqual([]);
    expect(refused.errors).toMatchObject([{ code: 'OFFSET_OUT_OF_RANGE', reason: 'diverged', earliest: 100 }]);
    expect(second.values).toEqual(named('new', 400));
    expect(second.lost).toMatchObject([{ topic, partition: 0, from: 100, until: 300 }]);
  });
});
