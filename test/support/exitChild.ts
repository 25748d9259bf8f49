// Begins to read and ends the stream in one of several ways: the process has to exit by itself, because nothing is left open.
import { foreachBatch, string } from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import kafkajs from 'kafkajs';

const [broker = '', topic = '', way = ''] = process.argv.slice(2);
const kafka = new kafkajs.Kafka({
  brokers: [broker],
  logLevel: kafkajs.logLevel.NOTHING,
  enforceRequestTimeout: way !== 'without request timeouts',
});
const stream = kafkaBatches(kafka, { topics: [topic], interval: 50, deserialize: string(), retryTimeout: 2_000 });
const say = (what: string) => process.stdout.write(`${what}\n`);

let batches = 0;
const subscription = stream.pipe(foreachBatch(() => {})).subscribe({
  next: () => {
    if (++batches < 3) return;
    if (way === 'stop') void stream.stop();
    if (way === 'unsubscribe') subscription.unsubscribe();
    if (way === 'throw') throw new Error('of the subscriber');
  },
  error: ({ code }) => say(code),
  complete: () => say('complete'),
});
if (way === 'throw') process.on('uncaughtException', () => subscription.unsubscribe());
if (way === 'stop while connecting') setTimeout(() => void stream.stop(), 50);
if (way === 'unsubscribe while connecting') setTimeout(() => subscription.unsubscribe(), 50);
