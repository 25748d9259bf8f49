import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { ensureKafka } from '../../scripts/kafka-broker.mjs';
import type { Written } from './judge.js';
import { newKafka } from './kafkaLog.js';

const end = '"end"';

/** What tasks have written to a topic of one partition, as Kafka's own console consumer reads what is committed. */
export async function readTasksTopic(brokers: string, topic: string): Promise<Written> {
  const producer = newKafka(brokers).producer();
  await producer.connect();
  await producer.send({ topic, messages: [{ partition: 0, value: end }] });
  await producer.disconnect();
  const java = ['-Xmx128m', '-XX:TieredStopAtLevel=1', '-cp', ensureKafka()];
  const what = ['--topic', topic, '--from-beginning', '--isolation-level', 'read_committed'];
  const main = 'org.apache.kafka.tools.consumer.ConsoleConsumer';
  const reader = spawn('java', [...java, main, '--bootstrap-server', brokers, ...what], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const written: [string, readonly string[]][] = [];
  for await (const line of createInterface(reader.stdout)) {
    if (line === end) {
      reader.kill();
      return written;
    }
    written.push(JSON.parse(line));
  }
  throw new Error(`the output topic ${topic} could not be read to its end`);
}
