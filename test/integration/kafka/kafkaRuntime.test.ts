import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { foreachBatch, InvalidOptionError, mapRecords, RuntimeClosedError, string } from 'dstream';
import { type KafkaRuntime, kafkaBatches, kafkaRuntime, sendToKafka } from 'dstream/kafka';
import type { Kafka } from 'kafkajs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { brokers, describeKafka, makeTopic, newKafka, produce } from '../../support/kafka.js';

/** The sockets of this process that are open, and those that were made. */
const open = new Set<Socket>();

function note(message: unknown): void {
  const { socket } = message as { socket: Socket };
  socket.once('connect', () => {
    open.add(socket);
  });
  socket.once('close', () => open.delete(socket));
}

beforeEach(() => {
  subscribe('net.client.socket', note);
});
afterEach(() => unsubscribe('net.client.socket', note));

const allClosed = () =>
  expect.poll(() => [...open].map(({ remotePort }) => remotePort), { timeout: 300_000 }).toEqual([]);

const values = (count: number) => Array.from({ length: count }, (_, i) => ({ value: `v${i}` }));

/** Three streams that read a topic each and write to another one, until each has all of its records. */
async function threeStreams(kafka: Kafka, client: Kafka | KafkaRuntime, count = 50) {
  const topics = await Promise.all(Array.from({ length: 3 }, () => makeTopic(kafka, 2)));
  const target = await makeTopic(kafka, 1);
  for (const topic of topics) await produce(kafka, topic, [values(count)]);
  let peak = 0;
  const read = topics.map(() => 0);
  const ended = topics.map((topic, i) => {
    const stream = kafkaBatches(client, {
      topics: [topic],
      groupId: `g-${topic}`,
      commitOffsets: false,
      start: 'earliest',
      interval: 50,
      deserialize: string(),
      batchObserver: {
        next: ({ inputs }) => {
          peak = Math.max(peak, open.size);
          read[i] = (read[i] ?? 0) + (inputs.kafka?.records ?? 0);
          // All run until the last has its records.
          if (read.every((one) => one >= count)) for (const one of streams) void one.stop();
        },
      },
    });
    streams.push(stream);
    return new Promise<void>((resolve, reject) => {
      stream
        .pipe(
          mapRecords((value) => ({ value: `${i} ${value}` })),
          sendToKafka(client, { topic: target, groupId: `g-${topic}` }),
        )
        .subscribe({ error: reject, complete: resolve });
    });
  });
  await Promise.all(ended);
  return { read, peak, target, topics };
}

const streams: { stop(): Promise<unknown> }[] = [];

describeKafka('kafkaRuntime', () => {
  const kafka = newKafka();

  afterEach(() => {
    streams.length = 0;
  });

  it('has the same connections for three streams as for one, and closes them with the last', async () => {
    const before = await threeStreams(kafka, kafka);
    streams.length = 0;
    await allClosed();
    const runtime = kafkaRuntime(kafka);
    const after = await threeStreams(kafka, runtime);
    expect(after.read).toEqual([50, 50, 50]);
    // To each broker one for fetches, one for other requests, one for what is written; and the bootstrap addresses.
    expect(after.peak).toBeLessThanOrEqual(3 * brokers.length + 1);
    expect(before.peak).toBeGreaterThanOrEqual(2 * after.peak);
    await allClosed();
    expect(runtime.snapshot()).toMatchObject({ clients: 0, bytes: { usedBytes: 0, sources: 0 } });
    console.log(`connections: ${before.peak} without, ${after.peak} with a runtime, ${brokers.length} brokers`);

    // What was written is whole, and in transactions.
    const seen: string[] = [];
    const reader = kafkaBatches(runtime, {
      topics: [after.target],
      start: 'earliest',
      until: 'latest',
      interval: 20,
      deserialize: string(),
    });
    await new Promise<void>((resolve, reject) => {
      reader
        .pipe(
          foreachBatch((records) => {
            for (const record of records) seen.push(String(record));
          }),
        )
        .subscribe({ error: reject, complete: resolve });
    });
    const expected = [0, 1, 2].flatMap((i) => values(50).map(({ value }) => `${i} ${value}`));
    expect(seen.sort()).toEqual(expected.sort());
  });

  it('fails the streams that still run when it is closed, and those that begin later', async () => {
    const topic = await makeTopic(kafka, 1);
    const runtime = kafkaRuntime(kafka);
    const options = { topics: [topic], interval: 20, deserialize: string() };
    const stream = kafkaBatches(runtime, options);
    let batches = 0;
    const failed = new Promise<unknown>((resolve) => {
      stream.pipe(foreachBatch(() => void (++batches === 2 && runtime.close()))).subscribe({ error: resolve });
    });
    expect(await failed).toBeInstanceOf(RuntimeClosedError);
    await allClosed();
    const later = new Promise<unknown>((resolve) => {
      stream.pipe(foreachBatch(() => undefined)).subscribe({ error: resolve });
    });
    expect(await later).toBeInstanceOf(RuntimeClosedError);
    expect(() => kafkaBatches(runtime, options)).toThrow(RuntimeClosedError);
    await runtime.close();
  });

  it('refuses a transactional id that another of its streams has', async () => {
    const topic = await makeTopic(kafka, 1);
    await produce(kafka, topic, [values(3)]);
    const runtime = kafkaRuntime(kafka);
    const target = await makeTopic(kafka, 1);
    const newStream = () =>
      kafkaBatches(runtime, {
        topics: [topic],
        groupId: `g-${topic}`,
        commitOffsets: false,
        start: 'earliest',
        interval: 20,
        deserialize: string(),
      });
    const first = newStream();
    const output = () => sendToKafka<{ value: string }>(runtime, { topic: target, groupId: `g-${topic}` });
    const asMessage = mapRecords((value: string | null) => ({ value: String(value) }));
    const error = await new Promise<unknown>((resolve, reject) => {
      let begun = false;
      first.pipe(asMessage, output()).subscribe({
        next: () => {
          if (begun) return;
          begun = true;
          newStream().pipe(asMessage, output()).subscribe({ error: resolve });
        },
        error: reject,
      });
    });
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(String(error)).toContain('is the transactional id of another stream');
    await first.stop();
    await runtime.close();
  });
});
