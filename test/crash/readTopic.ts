import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { ensureKafka } from '../../scripts/kafka-broker.mjs';
import type { Written } from './judge.js';
import { newKafka } from './kafkaLog.js';
import type { Said } from './outputTopic.js';
import { partitions } from './records.js';

/**
 * What a reader of committed records sees of a run that has ended: Kafka's own console consumer. That of kafkajs shows
 * aborted records, too, where transactions of several producers overlap.
 */
export async function readTopic(brokers: string, topic: string): Promise<Written> {
  const producer = newKafka(brokers).producer();
  await producer.connect();
  const end: Said = ['end', null];
  const ends = Array.from({ length: partitions }, (_, partition) => ({ partition, value: JSON.stringify(end) }));
  await producer.send({ topic, messages: ends });
  await producer.disconnect();

  const java = ['-Xmx128m', '-XX:TieredStopAtLevel=1', '-cp', ensureKafka()];
  const what = ['--topic', topic, '--from-beginning', '--isolation-level', 'read_committed'];
  const main = 'org.apache.kafka.tools.consumer.ConsoleConsumer';
  const reader = spawn('java', [...java, main, '--bootstrap-server', brokers, ...what], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const said: Said[] = [];
  let left = partitions;
  for await (const line of createInterface(reader.stdout)) {
    const one = JSON.parse(line) as Said;
    if (one[0] !== 'end') said.push(one);
    else if (--left === 0) break;
  }
  reader.kill();
  if (left > 0) throw new Error(`the output topic ${topic} could not be read to its end`);
  return writtenBy(said);
}

/** An output that says twice that it is there comes twice. A batch without records has no message of `raw`. */
function writtenBy(said: readonly Said[]): Written {
  const lines = new Map<string, string[]>();
  for (const [name, line] of said) {
    const known = lines.get(name) ?? [];
    lines.set(name, known);
    if (line !== null) known.push(line);
  }
  const isThere = said.filter(([, line]) => line === null).map(([name]) => name);
  const withoutRecords = [...new Set(isThere)]
    .filter((name) => name.startsWith('totals-'))
    .map((name) => name.replace('totals', 'raw'))
    .filter((name) => !lines.has(name));
  const unsaid = [...lines.keys()].filter((name) => !isThere.includes(name));
  return [...isThere, ...unsaid, ...withoutRecords].map((name) => [name, lines.get(name) ?? []]);
}
