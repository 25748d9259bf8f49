// Creates the topics in a Kafka and fills that of the lines: npm run produce -- --brokers localhost:9092
import { parseArgs } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { lines, partitions, topics } from './logLine.js';

const { values } = parseArgs({
  options: {
    brokers: { type: 'string', default: 'localhost:9092' },
    prefix: { type: 'string', default: '' },
    lines: { type: 'string', default: '3000' },
  },
});
const named = (topic: string) => `${values.prefix}${topic}`;
const kafka = new Kafka({ clientId: 'logs', brokers: values.brokers.split(','), logLevel: logLevel.NOTHING });
const admin = kafka.admin();
await admin.connect();
const existing = await admin.listTopics();
await admin.createTopics({
  topics: [
    { topic: named(topics.lines), numPartitions: partitions },
    { topic: named(topics.dead), numPartitions: 1 },
  ].filter(({ topic }) => !existing.includes(topic)),
  waitForLeaders: true,
});
await admin.disconnect();
const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
await producer.connect();
await producer.send({
  topic: named(topics.lines),
  messages: [...lines(Number(values.lines))].map((value) => ({ value })),
});
await producer.disconnect();
console.log(`${values.lines} lines written to ${named(topics.lines)}`);
