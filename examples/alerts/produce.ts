// Creates the topics in a Kafka and fills those of payments and cards: npm run produce -- --brokers localhost:9092
import { parseArgs } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { cards, partitions, payments, recordOf, rowOf, topics } from './payment.js';

const { values } = parseArgs({
  options: {
    brokers: { type: 'string', default: 'localhost:9092' },
    prefix: { type: 'string', default: '' },
    payments: { type: 'string', default: '3000' },
  },
});
const named = (topic: string) => `${values.prefix}${topic}`;
const kafka = new Kafka({ clientId: 'alerts', brokers: values.brokers.split(','), logLevel: logLevel.NOTHING });
const admin = kafka.admin();
await admin.connect();
const existing = await admin.listTopics();
const compacted = [{ name: 'cleanup.policy', value: 'compact' }];
await admin.createTopics({
  topics: [
    { topic: named(topics.payments), numPartitions: partitions },
    { topic: named(topics.cards), numPartitions: 1, configEntries: compacted },
    { topic: named(topics.alerts), numPartitions: 1 },
  ].filter(({ topic }) => !existing.includes(topic)),
  waitForLeaders: true,
});
await admin.disconnect();
const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
await producer.connect();
await producer.send({ topic: named(topics.cards), messages: [...cards()].map(rowOf) });
await producer.send({ topic: named(topics.payments), messages: [...payments(Number(values.payments))].map(recordOf) });
await producer.disconnect();
console.log(`${values.payments} payments written to ${named(topics.payments)}`);
