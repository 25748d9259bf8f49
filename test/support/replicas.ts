import { type Kafka, logLevel } from 'kafkajs';
import type { KafkaCluster } from '../../scripts/kafka-broker.mjs';
import { createTopics } from './createTopics.js';
import { eventually } from './identity.js';
import { newKafka } from './kafka.js';

/** A cluster of three: node 1 keeps the metadata going, nodes 2 and 3 have the partition, and may be killed. */
export class Replicas {
  readonly kafka: Kafka;
  readonly #cluster: KafkaCluster;
  readonly #down = new Set<number>();

  constructor(cluster: KafkaCluster) {
    this.#cluster = cluster;
    this.kafka = this.client();
  }

  /** A client of its own. */
  client(): Kafka {
    return newKafka({
      ...{ brokers: this.#cluster.brokers.split(','), logLevel: logLevel.NOTHING },
      retry: { retries: 10 },
    });
  }

  /** A topic with one partition, whose leader may be one that lacks records. */
  async makeTopic(topic: string, configEntries: { name: string; value: string }[] = []): Promise<void> {
    const admin = this.kafka.admin();
    await admin.connect();
    const unclean = [
      { name: 'unclean.leader.election.enable', value: 'true' },
      { name: 'min.insync.replicas', value: '1' },
    ];
    const replicaAssignment = [{ partition: 0, replicas: [2, 3] }];
    await createTopics(admin, [{ topic, replicaAssignment, configEntries: [...unclean, ...configEntries] }]);
    await admin.disconnect();
  }

  untilInSync(topic: string, nodes: readonly number[]): Promise<void> {
    return eventually(`replicas ${nodes} in sync`, async () => {
      const admin = this.kafka.admin();
      await admin.connect();
      try {
        const [found] = (await admin.fetchTopicMetadata({ topics: [topic] })).topics;
        const isr = found?.partitions[0]?.isr ?? [];
        if ([...isr].sort().join() !== nodes.join()) throw new Error(`in sync: ${isr}`);
      } finally {
        await admin.disconnect();
      }
    });
  }

  /** From now on only node 2 has what is written. */
  async part(topic: string): Promise<void> {
    await this.untilInSync(topic, [2, 3]);
    await this.#kill(2);
    await this.untilInSync(topic, [2]);
  }

  /** Node 3 becomes the leader, without what was written since. */
  async elect(): Promise<void> {
    await this.#kill(1);
    await this.#start(2);
  }

  /** As at first, whatever has happened. */
  async restore(topic: string): Promise<void> {
    for (const index of [...this.#down]) await this.#start(index);
    await this.untilInSync(topic, [2, 3]);
  }

  async #kill(index: number): Promise<void> {
    this.#down.add(index);
    await this.#cluster.nodes[index]?.kill('SIGKILL');
  }

  async #start(index: number): Promise<void> {
    await this.#cluster.nodes[index]?.start();
    this.#down.delete(index);
  }
}
