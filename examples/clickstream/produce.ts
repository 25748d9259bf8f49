// Fills the topic `clicks` of a Kafka: npm run produce -- --brokers localhost:9092
import { parseArgs } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { clicks, partitions, recordOf, topic as usual } from './click.js';

const { values } = parseArgs({
  options: {
    brokers: { type: 'string', default: 'localhost:9092' },
    clicks: { type: 'string', default: '6000' },
    topic: { type: 'string', default: usual },
  },
});
const kafka = new Kafka({ clientId: 'clickstream', brokers: values.brokers.split(','), logLevel: logLevel.NOTHING });
const admin = kafka.admin();
await admin.connect();
if (!(await admin.listTopics()).includes(values.topic)) {
  await admin.createTopics({ topics: [{ topic: values.topic, numPartitions: partitions }], waitForLeaders: true });
}
await admin.disconnect();
const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
await producer.connect();
await producer.send({ topic: values.topic, messages: [...clicks(Number(values.clicks))].map(recordOf) });
await producer.disconnect();
console.log(`${values.clicks} clicks written to ${values.topic}`);
