// Writes readings to the topic of a Kafka, ten times a second until Ctrl+C: npm run produce -- --brokers localhost:9092
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { lineOf, readingsAt, topic as usual } from './reading.js';

const { values } = parseArgs({
  options: {
    brokers: { type: 'string', default: 'localhost:9092' },
    topic: { type: 'string', default: usual },
  },
});
const kafka = new Kafka({ clientId: 'sensors', brokers: values.brokers.split(','), logLevel: logLevel.NOTHING });
const admin = kafka.admin();
await admin.connect();
if (!(await admin.listTopics()).includes(values.topic)) {
  await admin.createTopics({ topics: [{ topic: values.topic, numPartitions: 1 }], waitForLeaders: true });
}
await admin.disconnect();
const producer = kafka.producer();
await producer.connect();
let stopped = false;
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => (stopped = true));
for (let tick = 0; !stopped; tick++) {
  const messages = readingsAt(tick).map((reading) => ({ key: reading.sensor, value: lineOf(reading) }));
  await producer.send({ topic: values.topic, messages });
  await setTimeout(100);
}
await producer.disconnect();
