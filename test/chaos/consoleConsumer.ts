import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { ensureKafka } from '../../scripts/kafka-broker.mjs';

/** A record as Kafka's own console consumer prints it. */
export interface ReadRecord {
  readonly partition: number;
  readonly offset: number;
  readonly value: string;
}

/**
 * What a reader of committed records sees of a topic, with Kafka's own console consumer, up to a record with the value `end` in each
 * partition, which is left out.
 */
export async function consoleConsumer(
  brokers: string,
  topic: string,
  { end, partitions }: { readonly end: string; readonly partitions: number },
): Promise<readonly ReadRecord[]> {
  const java = ['-Xmx256m', '-XX:TieredStopAtLevel=1', '-cp', ensureKafka()];
  const main = 'org.apache.kafka.tools.consumer.ConsoleConsumer';
  const what = ['--topic', topic, '--from-beginning', '--isolation-level', 'read_committed'];
  const print = ['--property', 'print.partition=true', '--property', 'print.offset=true'];
  const reader = spawn('java', [...java, main, '--bootstrap-server', brokers, ...what, ...print], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const records: ReadRecord[] = [];
  let left = partitions;
  for await (const line of createInterface(reader.stdout)) {
    const [, partition, offset, value = ''] = /^Partition:(\d+)\tOffset:(\d+)\t(.*)$/.exec(line) ?? [];
    if (partition === undefined) throw new Error(`the console consumer prints something else: ${line}`);
    if (value !== end) records.push({ partition: Number(partition), offset: Number(offset), value });
    else if (--left === 0) break;
  }
  reader.kill();
  if (left > 0) throw new Error(`topic ${topic} could not be read to its end`);
  return records;
}
