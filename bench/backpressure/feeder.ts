// Sends records to a topic at a rate that rises once, from a process of its own: the one that reads burns its processor.
//   feeder.ts BROKERS TOPIC PARTITIONS LOW HIGH SECONDS_LOW SECONDS_HIGH
import kafkajs from 'kafkajs';

const { Kafka, logLevel } = kafkajs;
const [brokers = '', topic = '', ...numbers] = process.argv.slice(2);
const [partitions = 1, low = 0, high = 0, secondsLow = 0, secondsHigh = 0] = numbers.map(Number);

const kafka = new Kafka({ clientId: 'bench-feeder', brokers: brokers.split(','), logLevel: logLevel.NOTHING });
const producer = kafka.producer();
await producer.connect();
const start = performance.now();
const value = 'x'.repeat(90);
let sent = 0;
for (;;) {
  const seconds = (performance.now() - start) / 1_000;
  if (seconds > secondsLow + secondsHigh) break;
  const due = Math.floor(low * Math.min(seconds, secondsLow) + high * Math.max(0, seconds - secondsLow));
  const messages = Array.from({ length: Math.min(due - sent, 10_000) }, (_, i) => {
    return { value, partition: (sent + i) % partitions };
  });
  if (messages.length > 0) await producer.send({ topic, messages });
  sent += messages.length;
  await new Promise((resolve) => setTimeout(resolve, 20));
}
await producer.disconnect();
