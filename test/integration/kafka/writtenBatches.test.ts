// Record batches of our own, as a broker takes them and others read them.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { expect, it } from 'vitest';
import { ensureKafka } from '../../../scripts/kafka-broker.mjs';
import { codecOf } from '../../../src/sources/kafka/kafkajs/codecs.js';
import { kafkajsPort } from '../../../src/sources/kafka/kafkajs/kafkajsPort.js';
import { nativeCrc32c } from '../../../src/sources/kafka/kafkajs/nativeCrc32c.js';
import { encodeProduce, readProduceResponse } from '../../../src/sources/kafka/protocol/produceProtocol.js';
import { RecordBatchWriter } from '../../../src/sources/kafka/protocol/recordBatchWriter.js';
import { registerCodecs } from '../../support/codecs.js';
import { brokers, describeKafka, makeTopic, newKafka } from '../../support/kafka.js';
import { outputOf, valuesOf } from '../../support/kafkaTopics.js';

const kafka = newKafka();
const perBatch = 50;
const codecs = [0, 1, 2, 3, 4];
const textOf = (codec: number, i: number) => `${codec} ${i} ключ ${'x'.repeat(i)}`;
const expected = codecs.flatMap((codec) => Array.from({ length: perBatch }, (_, i) => textOf(codec, i)));

describeKafka('record batches of our own', () => {
  it("are taken by a broker with each codec, and read by kafkajs, by Kafka's console consumer and by us", async () => {
    await registerCodecs();
    const topic = await makeTopic(kafka, 1);
    const port = kafkajsPort(kafka);
    await port.connect();
    const [{ leader } = { leader: '' }] = await port.leaders([topic]);
    for (const id of codecs) {
      const compress = codecOf(id)?.compress;
      const writer = new RecordBatchWriter({ crc32c: nativeCrc32c(), codec: compress && { id, compress } });
      for (let i = 0; i < perBatch; i++) {
        const headers = [['codec', String(id)] as const];
        writer.add({ key: i % 3 === 0 ? null : `key${i}`, value: textOf(id, i), headers, timestamp: Date.now() });
      }
      const topics = [{ topic, partitions: [{ partition: 0, batch: await writer.finish() }] }];
      const request = {
        apiKey: 0,
        apiVersion: 7,
        apiName: 'Produce',
        bytes: encodeProduce({ timeoutMs: 30_000, topics }),
      };
      const { partitions } = await port.request(leader, request, readProduceResponse);
      expect(partitions).toEqual([{ topic, partition: 0, errorCode: 0, baseOffset: id * perBatch }]);
    }
    port.disconnect();
    expect(await byKafkajs(topic)).toEqual(expected.map((value, i) => [String(i), value, value[0]]));
    expect(await byConsole(topic, expected.length)).toEqual(expected);
    expect(valuesOf(await outputOf(topic, 1))).toEqual([expected]);
  });
});

async function byKafkajs(topic: string): Promise<unknown[]> {
  const consumer = kafka.consumer({ groupId: topic });
  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  const found: unknown[] = [];
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        eachMessage: async ({ message: { offset, value, headers } }) => {
          found.push([offset, String(value), String(headers?.codec)]);
          if (found.length === expected.length) resolve();
        },
      })
      .catch(reject);
  });
  await consumer.disconnect();
  return found;
}

async function byConsole(topic: string, count: number): Promise<string[]> {
  const java = ['-Xmx128m', '-XX:TieredStopAtLevel=1', '-Dfile.encoding=UTF-8', '-cp', ensureKafka()];
  const what = ['--topic', topic, '--from-beginning', '--max-messages', String(count)];
  const main = 'org.apache.kafka.tools.consumer.ConsoleConsumer';
  const reader = spawn('java', [...java, main, '--bootstrap-server', brokers.join(','), ...what], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const lines: string[] = [];
  for await (const line of createInterface(reader.stdout)) lines.push(line);
  return lines;
}
