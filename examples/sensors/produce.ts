// Writes readings to the topic of a Kafka, ten times a second until Ctrl+C: npm run produce -- --brokers localhost:9092
// With --ticks N it writes N readings of each sensor at once, and ends.
import { setTimeout } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Kafka, logLevel } from 'kafkajs';
import { lineOf, readingsAt, topic as usual } from './reading.js';

const { values } = parseArgs({
  options: {
    brokers: { type: 'string', default: 'localhost:9092' },
    topic: { type: 'string', default: usual },
    ticks: { type: 'string' },
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
const messagesAt = (tick: number) =>
  readingsAt(tick).map((reading) => ({ key: reading.sensor, value: lineOf(reading) }));
if (values.ticks === undefined) await writeUntilStopped();
else {
  const messages = Array.from({ length: Number(values.ticks) }, (_, tick) => messagesAt(tick)).flat();
  await producer.send({ topic: values.topic, messages });
  console.log(`${messages.length} readings written to ${values.topic}`);
}
await producer.disconnect();

async function writeUntilStopped(): Promise<void> {
  let stopped = false;
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => (stopped = true));
  for (let tick = 0; !stopped; tick++) {
    await producer.send({ topic: values.topic, messages: messagesAt(tick) });
    await setTimeout(100);
  }
}
