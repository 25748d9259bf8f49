import { memoryCheckpoint } from 'dstream';
import { type Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KafkaCluster, startKafka, whyNoBroker } from '../../../scripts/kafka-broker.mjs';
import { createTopics } from '../../support/createTopics.js';
import { eventually, reading } from '../../support/identity.js';
import { newKafka } from '../../support/kafka.js';

const named = (name: string, count: number, from = 0) => Array.from({ length: count }, (_, i) => `${name}${from + i}`);

// Needs a cluster of its own, whose brokers it may kill: node 1 keeps the metadata going, nodes 2 and 3 have the partition.
describe.skipIf(whyNoBroker())('a log that an unclean election has cut', () => {
  let cluster: KafkaCluster;
  let kafka: Kafka;
  let topics = 0;
  beforeAll(async () => {
    cluster = await startKafka({ nodes: 3 });
    kafka = newKafka({ brokers: cluster.brokers.split(','), logLevel: logLevel.NOTHING, retry: { retries: 10 } });
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

  const inSync = (topic: string) =>
    eventually('replicas in sync', async () => {
      const admin = kafka.admin();
      await admin.connect();
      try {
        const [found] = (await admin.fetchTopicMetadata({ topics: [topic] })).topics;
        return found?.partitions[0]?.isr ?? [];
      } finally {
        await admin.disconnect();
      }
    });

  const untilInSync = (topic: string, nodes: readonly number[]) =>
    eventually(`replicas ${nodes} in sync`, async () => {
      const isr = await inSync(topic);
      if ([...isr].sort().join() !== nodes.join()) throw new Error(`in sync: ${isr}`);
    });

  /** A topic of two replicas with 100 records on both, and 200 that only the leader (node 2) has. */
  async function prepare(): Promise<string> {
    const topic = `unclean-${++topics}`;
    const admin = kafka.admin();
    await admin.connect();
    await createTopics(admin, [
      {
        topic,
        replicaAssignment: [{ partition: 0, replicas: [2, 3] }],
        configEntries: [
          { name: 'unclean.leader.election.enable', value: 'true' },
          { name: 'min.insync.replicas', value: '1' },
        ],
      },
    ]);
    await admin.disconnect();
    // Both have them when it is answered.
    await send(topic, named('old', 100), -1);
    await untilInSync(topic, [2, 3]);
    await cluster.nodes[2]?.kill('SIGKILL');
    await untilInSync(topic, [2]);
    await send(topic, named('old', 200, 100));
    return topic;
  }

  /** Node 3 becomes the leader, with the first 100 records, and gets 400 others. */
  async function elect(topic: string): Promise<void> {
    await cluster.nodes[1]?.kill('SIGKILL');
    await cluster.nodes[2]?.start();
    await send(topic, named('new', 400));
  }

  const restore = async (topic: string) => {
    await cluster.nodes[1]?.start();
    await untilInSync(topic, [2, 3]);
  };

  it('is read on from where it was cut while the stream runs', { timeout: 600_000 }, async () => {
    const topic = await prepare();
    const run = reading({ kafka, topic, offsetOutOfRange: 'earliest' });
    await run.has(300);
    await elect(topic);
    await run.has(700);
    await run.stop();
    await restore(topic);
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
    await restore(topic);
    expect(refused.values).toEqual([]);
    expect(refused.errors).toMatchObject([{ code: 'OFFSET_OUT_OF_RANGE', reason: 'diverged', earliest: 100 }]);
    expect(second.values).toEqual(named('new', 400));
    expect(second.lost).toMatchObject([{ topic, partition: 0, from: 100, until: 300 }]);
  });
});
