import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { foreachBatch, UnsupportedCodecError } from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import kafkajs, { type CompressionTypes, type IHeaders, type KafkaMessage, type Message } from 'kafkajs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { endsOf } from '../../chaos/endsOf.js';
import { registerCodecs } from '../../support/codecs.js';
import { describeKafka, makeTopic, newKafka } from '../../support/kafka.js';
import { nightly } from '../../support/nightly.js';

const { CompressionCodecs, CompressionTypes: types } = kafkajs;
const kafka = newKafka();

/** A record as both readers are to see it. */
interface Seen {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly string[];
}

const hex = (bytes: Uint8Array | null | undefined) => (bytes ? Buffer.from(bytes).toString('hex') : null);

/** By kafkajs's own consumer, which skips control records and aborted transactions too, up to the record at `last`. */
async function readByKafkajs(topic: string, last: number): Promise<readonly Seen[]> {
  const consumer = kafka.consumer({
    groupId: `g-${randomUUID()}`,
    // It decodes headers in quadratic time: 10,000 of them take it longer than its default session.
    sessionTimeout: 240_000,
    rebalanceTimeout: 240_000,
    maxWaitTimeInMs: 100,
    maxBytesPerPartition: 8_388_608,
  });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const seen: Seen[] = [];
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        eachMessage: async ({ message }) => {
          seen.push(fromKafkajs(message));
          if (Number(message.offset) === last) resolve();
        },
      })
      .catch(reject);
  });
  await consumer.disconnect();
  return seen;
}

function fromKafkajs({ offset, timestamp, key, value, headers }: KafkaMessage): Seen {
  return {
    offset: Number(offset),
    timestamp: Number(timestamp),
    key: hex(key),
    value: hex(value),
    headers: Object.entries((headers ?? {}) as IHeaders).flatMap(([name, values]) =>
      [values].flat().map((one) => `${name}=${hex(one as Buffer)}`),
    ),
  };
}

async function readByUs(topic: string, count: number): Promise<readonly Seen[]> {
  const stream = kafkaBatches<Seen>(kafka, {
    topics: [topic],
    start: 'earliest',
    interval: 50,
    checkCrcs: true,
    deserialize: ({ offset, timestamp, key, value, headers }) => ({
      offset,
      timestamp,
      key: hex(key),
      value: hex(value),
      headers: headers.map(([name, bytes]) => `${name}=${hex(bytes)}`),
    }),
  });
  const seen: Seen[] = [];
  await new Promise<void>((resolve, reject) => {
    stream.pipe(foreachBatch((records) => void seen.push(...records))).subscribe({
      next: () => seen.length >= count && void stream.stop(),
      error: reject,
      complete: resolve,
    });
  });
  return seen;
}

/** kafkajs groups headers of one name: their order is compared by name. */
const normal = (seen: readonly Seen[]) => seen.map((one) => ({ ...one, headers: [...one.headers].sort() }));

async function expectSame(topic: string, count: number): Promise<readonly Seen[]> {
  const ours = await readByUs(topic, count);

  const theirs = await readByKafkajs(topic, ours.at(-1)?.offset ?? -1);
  expect(ours).toHaveLength(count);
  expect(normal(ours)).toEqual(normal(theirs));
  return ours;
}

async function send(topic: string, messages: readonly Message[], compression?: CompressionTypes): Promise<void> {
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({ topic, messages: [...messages], ...(compression !== undefined && { compression }) });
  await producer.disconnect();
}

const endOf = async (topic: string) => (await endsOf(kafka, topic)).get(0) ?? 0;

/** A broker answers the end of a transaction before it has written its marker. */
async function untilEnd(topic: string, offset: number): Promise<void> {
  while ((await endOf(topic)) < offset) await sleep(20);
}

const varied = (): Message[] => [
  { key: 'k', value: 'v', headers: { one: '1', many: ['a', 'b'] } },
  { key: null, value: 'no key' },
  { key: '', value: '' },
  { key: 'tombstone', value: null },
  { key: 'ключ', value: 'значение 😀', timestamp: '1234567890123' },
  { value: 'x'.repeat(300) },
  ...Array.from({ length: 500 }, (_, i) => ({ key: `k${i}`, value: `value ${i}`.repeat(i % 20) })),
];

describeKafka('every record equals what kafkajs reads', () => {
  const registered = { ...CompressionCodecs };
  beforeAll(registerCodecs);
  afterAll(() => Object.assign(CompressionCodecs, registered));

  it.each([
    ['uncompressed', types.None],
    ['gzip', types.GZIP],
    ['snappy', types.Snappy],
    ['lz4', types.LZ4],
    ['zstd', types.ZSTD],
  ])('%s', async (_, compression) => {
    const topic = await makeTopic(kafka, 1);
    await send(topic, varied(), compression);
    await send(topic, varied(), compression);
    await expectSame(topic, 2 * varied().length);
  });

  it('with append time', async () => {
    const topic = await makeTopic(kafka, 1, {
      configEntries: [{ name: 'message.timestamp.type', value: 'LogAppendTime' }],
    });
    await send(topic, varied());
    const seen = await expectSame(topic, varied().length);
    expect(new Set(seen.map(({ timestamp }) => timestamp)).size).toBe(1);
  });

  it('transactions: committed records come, aborted ones do not, and both leave gaps', async () => {
    const topic = await makeTopic(kafka, 1);
    const producer = kafka.producer({ transactionalId: `t-${randomUUID()}`, maxInFlightRequests: 1, idempotent: true });
    await producer.connect();
    for (const [name, commit] of [
      ['a', true],
      ['b', false],
      ['c', true],
      ['d', false],
      ['e', true],
    ] as const) {
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: Array.from({ length: 10 }, (_, i) => ({ value: `${name}${i}` })) });
      await (commit ? transaction.commit() : transaction.abort());
    }
    await producer.disconnect();
    await untilEnd(topic, 55);
    await send(topic, [{ value: 'plain' }]);
    const seen = await expectSame(topic, 31);
    expect(seen.map(({ offset }) => offset)).toEqual([
      ...Array.from({ length: 10 }, (_, i) => i),
      ...Array.from({ length: 10 }, (_, i) => 22 + i),
      ...Array.from({ length: 10 }, (_, i) => 44 + i),
      55,
    ]);
  });

  it('overlapping transactions: aborted records stay out, which kafkajs lets through', async () => {
    const topic = await makeTopic(kafka, 1);
    const [first, second] = await Promise.all(
      ['first', 'second'].map(async (value) => {
        const producer = kafka.producer({ transactionalId: `t-${randomUUID()}`, maxInFlightRequests: 1 });
        await producer.connect();
        return { producer, value, transaction: await producer.transaction() };
      }),
    );
    if (!first || !second) throw new Error('unreachable');
    // A broker lists aborted transactions by their ends: here the first begun comes last.
    for (const { transaction, value } of [first, second]) await transaction.send({ topic, messages: [{ value }] });
    for (const { transaction, producer } of [second, first]) {
      await transaction.abort();
      await producer.disconnect();
    }
    const last = 4;
    await untilEnd(topic, last);
    await send(topic, [{ value: 'plain' }]);
    expect((await readByUs(topic, 1)).map(({ offset }) => offset)).toEqual([last]);
    expect((await readByKafkajs(topic, last)).map(({ offset }) => offset)).toEqual([0, last]);
  });

  it('a large record, and one with many headers', async () => {
    const topic = await makeTopic(kafka, 1, { configEntries: [{ name: 'max.message.bytes', value: '8388608' }] });
    const many = nightly ? 10_000 : 1_000;
    const headers = Object.fromEntries(Array.from({ length: many }, (_, i) => [`header-${i}`, `value ${i}`]));
    // kafkajs takes its time for larger ones, and for more headers.
    await send(topic, [{ value: Buffer.alloc(nightly ? 1_048_576 : 150_000, 'm') }]);
    await send(topic, [{ key: 'h', value: 'with headers', headers }]);
    await send(topic, [{ value: Buffer.alloc(nightly ? 4_000_000 : 600_000, 'n') }]);
    const seen = await expectSame(topic, 3);
    expect(seen[1]?.headers).toHaveLength(many);
  });

  it('a compacted topic, with gaps between offsets', { timeout: 600_000 }, async () => {
    const configEntries = [
      { name: 'cleanup.policy', value: 'compact' },
      { name: 'segment.ms', value: '100' },
      { name: 'min.cleanable.dirty.ratio', value: '0.01' },
      { name: 'max.compaction.lag.ms', value: '100' },
    ];
    const topic = await makeTopic(kafka, 1, { configEntries });
    // Waits, not for a time, but until the broker has removed something: what is read then is less than what was sent.
    for (let sent = 0; ; sent += 100) {
      expect(sent).toBeLessThan(20_000);
      await send(
        topic,
        Array.from({ length: 100 }, (_, i) => ({ key: `k${i % 7}`, value: `${sent + i}` })),
      );
      const seen = await readUntil(topic, sent + 100);
      if (seen.length < sent + 100) break;
    }
    // The broker goes on compacting meanwhile: what kafkajs reads is compared when we read the same before and after.
    for (let before = await readUntil(topic, await endOf(topic)); ; ) {
      const theirs = await readByKafkajs(topic, before.at(-1)?.offset ?? -1);
      const after = await readUntil(topic, await endOf(topic));
      if (after.length === before.length) {
        expect(normal(before)).toEqual(normal(theirs));
        break;
      }
      expect(after.length).toBeLessThan(before.length);
      before = after;
    }
  });
});

/** Reads everything up to an offset that was written, whether or not its record is still there. */
async function readUntil(topic: string, end: number): Promise<readonly Seen[]> {
  const seen: Seen[] = [];
  const stream = kafkaBatches<Seen>(kafka, {
    topics: [topic],
    start: 'earliest',
    interval: 50,
    deserialize: ({ offset, timestamp, key, value }) => ({
      offset,
      timestamp,
      key: hex(key),
      value: hex(value),
      headers: [],
    }),
  });
  await new Promise<void>((resolve, reject) => {
    stream.pipe(foreachBatch((records) => void seen.push(...records))).subscribe({
      next: ({ context }) => (context.inputs.kafka?.ranges[0]?.until ?? 0) >= end && void stream.stop(),
      error: reject,
      complete: resolve,
    });
  });
  return seen;
}

describeKafka('codecs', () => {
  it('names the package that is missing', async () => {
    const topic = await makeTopic(kafka, 1);
    await registerCodecs();
    await send(topic, [{ value: 'x'.repeat(100) }], types.LZ4);
    CompressionCodecs[types.LZ4] = () => {
      throw new Error('not implemented');
    };
    const failed = await new Promise((resolve) => {
      const options = { topics: [topic], start: 'earliest' as const, interval: 50, deserialize: () => 1 };
      kafkaBatches(kafka, options)
        .pipe(foreachBatch(() => {}))
        .subscribe({ error: resolve });
    });
    expect(failed).toBeInstanceOf(UnsupportedCodecError);
    expect((failed as Error).message).toContain('compressed with lz4: install lz4-napi');
  });
});
