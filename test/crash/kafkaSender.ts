import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { committedPartitions } from '../support/committedPartitions.js';
import { createTopics } from '../support/createTopics.js';
import { newKafka } from './kafkaLog.js';
import type { NumberedSender } from './numberedSender.js';

const partitions = 2;
const numbersAtOnce = 10;
const sendIntervalMs = 20;
/** How often is asked whether the group is empty, ms. */
const pollMs = 50;

/** Writes numbers to a topic of a real Kafka. What the group of the receiver has committed is acknowledged. */
export async function kafkaSender(brokers: string): Promise<NumberedSender> {
  const kafka = newKafka(brokers);
  const topic = `numbers-${randomUUID()}`;
  const admin = kafka.admin();
  await admin.connect();
  await createTopics(admin, [{ topic, numPartitions: partitions }]);
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  await producer.connect();
  const acknowledged = new Set<number>();
  let next = 0;
  let stopped = false;
  const send = async () => {
    while (!stopped) {
      const messages = Array.from({ length: numbersAtOnce }, () => {
        const n = next++;
        // So the offset of a number is known.
        return { partition: n % partitions, value: String(n) };
      });
      await producer.send({ topic, messages });
      await sleep(sendIntervalMs);
    }
  };
  const sending = send();
  return {
    place: `${brokers}/${topic}`,
    exactlyOnce: false,
    acknowledged,
    delays: [],
    stop: async () => {
      stopped = true;
      await sending;
      await producer.disconnect();
      // The last commits are under way until the members have left.
      while ((await admin.describeGroups([topic])).groups[0]?.state === 'Stable') await sleep(pollMs);
      for (const { partition, offset } of await committedPartitions(admin, topic, topic)) {
        for (let i = 0; i < Number(offset); i++) acknowledged.add(i * partitions + partition);
      }
      await admin.disconnect();
    },
  };
}
