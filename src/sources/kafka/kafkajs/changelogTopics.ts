import type { SASLOptions } from 'kafkajs';
import type { Checkpoint } from '../../../state/checkpoint.js';
import { kafkaCheckpoint } from './kafkaCheckpoint.js';
import { translateError } from './translateError.js';

/** How the command line reaches a cluster. */
export interface ClusterAccess {
  readonly brokers: readonly string[];
  readonly tls: boolean;
  readonly sasl: SaslLogin | undefined;
}

export interface SaslLogin {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: string;
}

/** What is known of a partition of a topic. */
export interface ChangelogPartition {
  readonly partition: number;
  /** Whether nothing was ever written to it. */
  readonly isEmpty: boolean;
}

/** The topics of a cluster as checkpoints: for the command line, which has no client of the user's. */
export interface ChangelogTopics {
  /** By number; none where there is no such topic. */
  partitions(topic: string): Promise<readonly ChangelogPartition[]>;
  /** @param partitions how many the topic gets where it is missing; `undefined`: it must exist */
  checkpoint(topic: string, partition: number, partitions: number | undefined): Checkpoint;
}

/** Loads kafkajs, which not every user of the command line has installed. */
export async function changelogTopics({ brokers, tls, sasl }: ClusterAccess): Promise<ChangelogTopics> {
  const { default: kafkajs } = await import('kafkajs');
  // What fails is said by the command, once.
  const kafka = new kafkajs.Kafka({
    clientId: 'dstream-command',
    brokers: [...brokers],
    ssl: tls,
    logLevel: kafkajs.logLevel.NOTHING,
    // kafkajs has a type for each mechanism.
    ...(sasl && { sasl: sasl as SASLOptions }),
  });
  return {
    partitions: async (topic) => {
      const admin = kafka.admin();
      try {
        await admin.connect();
        if (!(await admin.listTopics()).includes(topic)) return [];
        const offsets = await admin.fetchTopicOffsets(topic);
        return offsets
          .map(({ partition, high }) => ({ partition, isEmpty: high === '0' }))
          .sort((a, b) => a.partition - b.partition);
      } catch (cause) {
        throw translateError(cause, 'ListOffsets', { topics: [topic] });
      } finally {
        await admin.disconnect().catch(() => {});
      }
    },
    checkpoint: (topic, partition, partitions) => kafkaCheckpoint(kafka, { topic, partition, partitions }),
  };
}
