import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs from 'kafkajs';

/** Creates a topic, and returns once all its partitions have leaders: kafkajs's consumer fails where a broker has not heard of it yet. */
export async function makeTopic(brokers: string, topic: string, numPartitions: number): Promise<void> {
  const { Kafka, logLevel } = kafkajs;
  const admin = new Kafka({ brokers: brokers.split(','), logLevel: logLevel.NOTHING }).admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions }], waitForLeaders: false });
  const isLed = async () => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] }).catch(() => ({ topics: [] }));
    return topics.some(
      ({ partitions }) => partitions.length === numPartitions && partitions.every((p) => p.leader >= 0),
    );
  };
  while (!(await isLed())) await sleep(100);
  await admin.disconnect();
}
