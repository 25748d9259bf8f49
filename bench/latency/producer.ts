// Produces one record at a time, with the time at which it is produced, for a number of seconds:
//
//   node producer.mjs BROKERS TOPIC PARTITIONS SECONDS
//
// The pauses are uneven, so that records come at every moment of an interval.
import kafkajs from 'kafkajs';
import { xorshift } from '../xorshift.js';

process.env.KAFKAJS_NO_PARTITIONER_WARNING = '1';
const [brokers = '', topic = '', partitions = '', seconds = ''] = process.argv.slice(2);
const { Kafka, logLevel } = kafkajs;
/** About a hundred records a second. */
const meanPauseMs = 10;

const producer = new Kafka({
  clientId: 'bench-produce',
  brokers: brokers.split(','),
  logLevel: logLevel.NOTHING,
}).producer();
await producer.connect();
const random = xorshift(1);
const until = performance.now() + Number(seconds) * 1_000;
const sent: Promise<unknown>[] = [];
for (let n = 0; performance.now() < until; n++) {
  const value = String(performance.timeOrigin + performance.now());
  sent.push(producer.send({ topic, acks: -1, messages: [{ partition: n % Number(partitions), value }] }));
  await new Promise((resolve) => setTimeout(resolve, random() * 2 * meanPauseMs));
}
await Promise.all(sent);
await producer.disconnect();
