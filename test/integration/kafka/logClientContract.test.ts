import { KafkajsClient } from 'dstream/kafka';
import { logClientContract, type TestedLog } from 'dstream/testing';
import type { Admin, IHeaders } from 'kafkajs';
import { it } from 'vitest';
import { createTopics, untilLed } from '../../support/createTopics.js';
import { describeKafka, newKafka, produce } from '../../support/kafka.js';

const kafka = newKafka();

async function kafkaLog(): Promise<TestedLog> {
  const withAdmin = async (work: (admin: Admin) => Promise<unknown>): Promise<void> => {
    const admin = kafka.admin();
    await admin.connect();
    await work(admin).finally(() => admin.disconnect());
  };
  return {
    client: () => new KafkajsClient(kafka),
    createTopic: (topic, numPartitions) => withAdmin((admin) => createTopics(admin, [{ topic, numPartitions }])),
    addPartitions: (topic, count) =>
      withAdmin(async (admin) => {
        await admin.createPartitions({ topicPartitions: [{ topic, count }] });
        await untilLed(admin, topic, count);
      }),
    append: (topic, records) =>
      produce(kafka, topic, [
        records.map(({ key = null, value, partition = 0, timestamp, headers = [] }) => ({
          key: key as string | null,
          value: value as string | null,
          partition,
          headers: toHeaders(headers),
          ...(timestamp !== undefined && { timestamp: String(timestamp) }),
        })),
      ]),
    deleteTopic: (topic) => withAdmin((admin) => admin.deleteTopics({ topics: [topic] })),
    truncate: (topic, partition, offset) =>
      withAdmin(async (admin) => {
        // kafkajs deletes records only of topics whose metadata it has loaded.
        await admin.fetchTopicOffsets(topic);
        await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] });
      }),
  };
}

/** kafkajs takes the values of one name together, and no null. */
function toHeaders(headers: readonly (readonly [string, Uint8Array | null])[]): IHeaders {
  const byName: Record<string, Buffer[]> = {};
  for (const [name, value] of headers) {
    byName[name] ??= [];
    byName[name].push(Buffer.from(value ?? []));
  }
  return byName;
}

describeKafka('the client over kafkajs', () => {
  for (const { name, run } of logClientContract(kafkaLog)) it(name, { timeout: 600_000 }, run);
});
