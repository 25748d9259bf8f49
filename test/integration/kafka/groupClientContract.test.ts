import { groupClientContract } from 'dstream/testing';
import { it } from 'vitest';
import { KafkajsGroupClient } from '../../../src/sources/kafka/kafkajs/kafkajsGroupClient.js';
import { createTopic, describeKafka, newKafka } from '../../support/kafka.js';

const kafka = newKafka();

describeKafka('groups of Kafka', () => {
  const cases = groupClientContract(() => ({
    client: () => new KafkajsGroupClient('kafkaBatches', kafka),
    createTopic: (topic, partitions) => createTopic(kafka, topic, partitions),
  }));
  for (const { name, run } of cases) it.concurrent(name, { timeout: 600_000 }, run);
});
