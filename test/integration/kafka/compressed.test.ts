import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import kafkajs from 'kafkajs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { bundle } from '../../support/bundle.js';
import { registerCodecs } from '../../support/codecs.js';
import { brokers, describeKafka, makeTopic, newKafka } from '../../support/kafka.js';

const child = fileURLToPath(new URL(`../../../.cache/compressed-${process.pid}.mjs`, import.meta.url));
const total = 40_000;
const perSend = 1_000;
const size = 10_000;
const maxBytesPerBatch = 16 * 1024 * 1024;
const partitions = 2;

/** 400 MB of text in a few hundred KB on the wire. The numbers of the records come first in them. */
async function compressedTopic(compression: kafkajs.CompressionTypes): Promise<string> {
  const kafka = newKafka();
  const topic = await makeTopic(kafka, partitions);
  const producer = kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  for (let from = 0; from < total; from += perSend) {
    const partition = (from / perSend) % partitions;
    const messages = Array.from({ length: perSend }, (_, i) => ({
      partition,
      value: `${from + i} `.padEnd(size, 'x'),
    }));
    await producer.send({ topic, messages, compression });
  }
  await producer.disconnect();
  return topic;
}

describeKafka('a topic of which 1 byte on the wire is 100 in memory', () => {
  const registered = { ...kafkajs.CompressionCodecs };
  let directory: string;
  beforeAll(async () => {
    await registerCodecs();
    directory = mkdtempSync(join(tmpdir(), 'dstream-compressed-'));
    bundle(new URL('../../support/compressedChild.ts', import.meta.url), child);
  });
  afterAll(() => {
    Object.assign(kafkajs.CompressionCodecs, registered);
    rmSync(child, { force: true });
    rmSync(directory, { recursive: true, force: true });
  });

  it.each([
    ['gzip', kafkajs.CompressionTypes.GZIP],
    ['zstd', kafkajs.CompressionTypes.ZSTD],
  ])(
    'is read within a heap of 128 MB, over kills, in batches that hold what they held before: %s',
    async (name, type) => {
      const topic = await compressedTopic(type);
      const output = join(directory, `output-${name}`);
      const run = (dieAt: number) => {
        const args = ['--max-old-space-size=128', child, topic, join(directory, `checkpoint-${name}`), output];
        const env = { ...process.env, KAFKA_BROKERS: brokers.join(',') };
        return spawnSync(process.execPath, [...args, String(maxBytesPerBatch), String(dieAt)], {
          env,
          encoding: 'utf8',
        });
      };
      // The first batch is the one whose size nobody knows; the later ones are planned while it is read.
      for (const dieAt of [1, 2, 4]) expect(run(dieAt).signal).toBe('SIGKILL');
      const last = run(Number.NaN);
      expect([last.status, last.stderr]).toEqual([0, '']);
      const lines = readFileSync(output, 'utf8').trim().split('\n');
      const batches = new Map<number, string>();
      let records = 0;
      let sum = 0;
      for (const line of lines) {
        const [time, count, ofNumbers, characters] = JSON.parse(line) as [number, number, number, number];
        expect(batches.get(time) ?? line).toBe(line);
        if (!batches.has(time)) {
          records += count;
          sum += ofNumbers;
        }
        batches.set(time, line);
        // A little more than allowed is found when it has been read.
        expect(characters).toBeLessThan(maxBytesPerBatch * 1.1);
      }
      expect(records).toBe(total);
      expect(sum).toBe((total * (total - 1)) / 2);
      expect(lines.length).toBeGreaterThan(batches.size);
    },
  );
});
