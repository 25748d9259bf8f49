import { setTimeout } from 'node:timers/promises';
import type { Admin, ITopicConfig } from 'kafkajs';

/** Creates topics, and waits until each partition has a leader. */
export async function createTopics(admin: Admin, topics: ITopicConfig[]): Promise<void> {
  // Not by kafkajs's waitForLeaders: it fails when it asks a broker that has not heard of the topic yet.
  await admin.createTopics({ topics, waitForLeaders: false });
  for (const { topic } of topics) await untilLed(admin, topic);
}

/** Waits until a topic has as many partitions, and each of them a leader. */
export async function untilLed(admin: Admin, topic: string, count = 1): Promise<void> {
  for (const deadline = Date.now() + 300_000; !(await hasLeaders(admin, topic, count)); await setTimeout(20)) {
    if (Date.now() > deadline) throw new Error(`topic ${topic} has no leaders after five minutes`);
  }
}

async function hasLeaders(admin: Admin, topic: string, count: number): Promise<boolean> {
  const { topics } = await admin.fetchTopicMetadata({ topics: [topic] }).catch(() => ({ topics: [] }));
  return topics.some(({ partitions }) => partitions.length >= count && partitions.every(({ leader }) => leader >= 0));
}
