import { connect } from 'node:net';
import { foreachBatch, mapRecords, type RecordView } from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import kafkajs, { type KafkaConfig } from 'kafkajs';
import { beforeAll, expect, it } from 'vitest';
import {
  brokers,
  describeKafka,
  describeTls,
  makeTopic,
  newKafka,
  produce,
  tlsBrokers,
  tlsCertificate,
} from '../../support/kafka.js';

const partitions = 2;
const total = 300_000;
const padding = 'x'.repeat(90);
const textOf = (n: number) => `${n} ${padding}`;

function* messages() {
  const size = 10_000;
  for (let from = 0; from < total; from += size) {
    yield Array.from({ length: size }, (_, i) => ({ partition: (from + i) % partitions, value: textOf(from + i) }));
  }
}

/** Reads with the interests of `deserialize`, batches of a megabyte and two at a time, so that buffers are used again and again. */
function readAll<T>(kafka: kafkajs.Kafka, topic: string, deserialize: (view: RecordView) => T): Promise<readonly T[]> {
  const found: T[] = [];
  const options = { topics: [topic], start: 'earliest', interval: 10, maxBytesPerBatch: 1_048_576 } as const;
  const stream = kafkaBatches(kafka, { ...options, concurrentBatches: 2, deserialize });
  return new Promise((resolve, reject) => {
    stream
      .pipe(
        mapRecords((record) => record),
        foreachBatch((records) => {
          for (const record of records) found.push(record);
        }),
      )
      .subscribe({
        next: () => {
          if (found.length >= total) void stream.stop();
        },
        error: reject,
        complete: () => resolve(found),
      });
  });
}

/** Of each record once. A diff of this many strings would take minutes to print. */
function expectAll(texts: readonly string[]): void {
  const numbers = texts.map((text) => Number.parseInt(text, 10)).sort((a, b) => a - b);
  expect(numbers.findIndex((n, i) => n !== i)).toBe(-1);
  expect(numbers.length).toBe(total);
  expect(texts.find((text) => text !== textOf(Number.parseInt(text, 10)))).toBeUndefined();
}

describeKafka('the buffers of responses, which are used again', () => {
  let topic = '';

  beforeAll(async () => {
    const kafka = newKafka();
    topic = await makeTopic(kafka, partitions);
    await produce(kafka, topic, messages());
  });

  it('give each record its own text', async () => {
    const records = await readAll(newKafka(), topic, (view) => ({ text: view.valueText() }));
    expectAll(records.map(({ text }) => text as string));
  });

  it('stay as they were for those who keep bytes of them', async () => {
    const records = await readAll(newKafka(), topic, (view) => view.value as Uint8Array);
    expectAll(records.map((bytes) => Buffer.from(bytes).toString()));
  });

  it('are filled from a socket that the user makes as well', async () => {
    let made = 0;
    const socketFactory = ({ host, port, onConnect }: { host: string; port: number; onConnect: () => void }) => {
      made++;
      return connect({ host, port }, onConnect);
    };
    const options = { clientId: 'test', brokers: [...brokers], socketFactory, logLevel: kafkajs.logLevel.NOTHING };
    const records = await readAll(new kafkajs.Kafka(options), topic, (view) => ({ text: view.valueText() }));
    expectAll(records.map(({ text }) => text as string));
    expect(made).toBeGreaterThan(1);
  });

  describeTls('over TLS', () => {
    const withTls = (ssl: NonNullable<KafkaConfig['ssl']>) =>
      newKafka({ brokers: [...tlsBrokers], ssl, retry: { retries: 0 } });

    it('give each record its own text', async () => {
      const kafka = withTls({ ca: [tlsCertificate as string] });
      const records = await readAll(kafka, topic, (view) => ({ text: view.valueText() }));
      expectAll(records.map(({ text }) => text as string));
    });

    it('stay as they were for those who keep bytes of them', async () => {
      const kafka = withTls({ ca: [tlsCertificate as string] });
      const records = await readAll(kafka, topic, (view) => view.value as Uint8Array);
      expectAll(records.map((bytes) => Buffer.from(bytes).toString()));
    });

    it('are never filled by a broker whose certificate is not trusted', async () => {
      const reading = readAll(withTls(true), topic, (view) => view.offset);
      await expect(reading).rejects.toMatchObject({ message: expect.stringMatching(/certificate/) });
    });
  });
});
