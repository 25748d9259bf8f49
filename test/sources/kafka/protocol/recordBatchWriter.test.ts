import { createRequire } from 'node:module';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { codecOf } from '../../../../src/sources/kafka/kafkajs/codecs.js';
import { RecordBatchReader } from '../../../../src/sources/kafka/protocol/recordBatchReader.js';
import {
  type BatchProducer,
  RecordBatchWriter,
  type RecordToWrite,
} from '../../../../src/sources/kafka/protocol/recordBatchWriter.js';
import { propertySettings } from '../../../property/settings.js';
import { registerCodecs } from '../../../support/codecs.js';
import { encodeBatch } from '../../../support/recordBatch.js';

const require = createRequire(import.meta.url);
/** What kafkajs's consumer reads record batches by. */
const KafkajsDecoder = require('kafkajs/src/protocol/decoder');
const decodeByKafkajs: (
  decoder: unknown,
) => Promise<KafkajsBatch> = require('kafkajs/src/protocol/recordBatch/v0/decoder');

interface KafkajsBatch {
  readonly records: readonly {
    readonly offset: string;
    readonly timestamp: string;
    readonly key: Buffer | null;
    readonly value: Buffer | null;
    readonly headers: Readonly<Record<string, Buffer | Buffer[] | null>>;
  }[];
  readonly inTransaction: boolean;
  readonly producerId: string;
  readonly producerEpoch: number;
  readonly firstSequence: number;
  readonly lastOffsetDelta: number;
  readonly maxTimestamp: string;
}

const bytes = fc.uint8Array({ maxLength: 300 });
const text = fc.oneof(fc.string({ maxLength: 60 }), fc.string({ unit: 'grapheme', maxLength: 200 }));
const part = fc.oneof(fc.constant(null), text, bytes);
const record: fc.Arbitrary<RecordToWrite> = fc.record({
  key: part,
  value: fc.oneof(
    part,
    fc.constantFrom(127, 128, 16_383, 16_384, 20_000).map((length) => 'x'.repeat(length)),
  ),
  headers: fc.array(fc.tuple(text, part), { maxLength: 3 }),
  timestamp: fc.oneof(
    fc.integer({ min: 0, max: 4_102_444_800_000 }),
    fc.integer({ min: 1_764_000_000_000, max: 1_764_000_001_000 }),
  ),
});
const producer: fc.Arbitrary<BatchProducer> = fc.record({
  producerId: fc.bigInt({ min: 0n, max: 2n ** 60n }),
  producerEpoch: fc.nat(32_767),
  baseSequence: fc.nat(2 ** 31 - 1),
  isTransactional: fc.boolean(),
});
const batch = fc.record({
  records: fc.array(record, { minLength: 1, maxLength: 8 }),
  producer: fc.option(producer, { nil: undefined }),
  codec: fc.constantFrom(0, 0, 1, 2, 3, 4),
});

const bufferOf = (one: RecordToWrite['key']) => (one === null ? null : Buffer.from(one as string));
/** Long texts are compared faster than long buffers. */
const textOf = (one: Uint8Array | string | null) => bufferOf(one as string)?.toString('latin1') ?? null;

function written(records: readonly RecordToWrite[], by?: BatchProducer, id = 0): Buffer | Promise<Buffer> {
  const codec = codecOf(id);
  const writer = new RecordBatchWriter(codec?.compress ? { codec: { id, compress: codec.compress } } : {});
  for (const one of records) writer.add(one);
  expect(writer.count).toBe(records.length);
  return writer.finish(by);
}

/** As our own reader reads it, with its checksum. */
async function read(bytes: Buffer): Promise<unknown[]> {
  const options = { topic: 't', partition: 0, from: 0, aborted: [], checkCrcs: true, codecOf };
  const reader = RecordBatchReader.open(bytes, options);
  const found: unknown[] = [];
  while (reader && !reader.done) {
    await reader.load();
    reader.read(Infinity, Infinity, ({ offset, timestamp, key, value, headers }) => {
      const copies = headers.map(([name, header]) => [name, textOf(header)]);
      found.push([offset, timestamp, textOf(key), textOf(value), copies]);
    });
  }
  return found;
}

describe('RecordBatchWriter', () => {
  beforeAll(registerCodecs);

  it('writes what our own reader reads back, compressed or not', async () => {
    await fc.assert(
      fc.asyncProperty(batch, async ({ records, producer: by, codec }) => {
        const expected = records.map(({ key, value, headers, timestamp }, offset) => {
          const texts = headers.map(([name, header]) => [name, textOf(header)]);
          return [offset, timestamp, textOf(key), textOf(value), texts];
        });
        expect(await read(await written(records, by, codec))).toEqual(expected);
      }),
      propertySettings(100),
    );
  });

  it("writes what kafkajs's consumer reads, with the producer, its epoch and its sequence", async () => {
    await fc.assert(
      fc.asyncProperty(batch, async ({ records, producer: by, codec }) => {
        const found = await decodeByKafkajs(new KafkajsDecoder(await written(records, by, codec)));
        expect(found).toMatchObject({
          inTransaction: by?.isTransactional ?? false,
          producerId: String(by?.producerId ?? -1),
          producerEpoch: by?.producerEpoch ?? -1,
          firstSequence: by?.baseSequence ?? -1,
          lastOffsetDelta: records.length - 1,
          maxTimestamp: String(Math.max(...records.map(({ timestamp }) => timestamp))),
        });
        const readBack = found.records.map(({ offset, timestamp, key, value }) => [
          offset,
          timestamp,
          textOf(key),
          textOf(value),
        ]);
        const expected = records.map(({ key, value, timestamp }, offset) => {
          return [String(offset), String(timestamp), textOf(key), textOf(value)];
        });
        expect(readBack).toEqual(expected);
      }),
      propertySettings(100),
    );
  });

  it("writes the same bytes as an encoder that was written from Kafka's description", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 8 }), async (records) => {
        const plain = records.map(({ key, value, headers, timestamp }, offset) => {
          const buffers = headers.map(([name, header]) => [name, bufferOf(header)] as const);
          return { offset, timestamp, key: bufferOf(key), value: bufferOf(value), headers: buffers };
        });
        const expected = encodeBatch(plain, { producerId: 7, transactional: true });
        const by = { producerId: 7n, producerEpoch: 0, baseSequence: 0, isTransactional: true };
        const found = await written(records, by);
        // The leader epoch is the broker's to write.
        found.fill(0, 12, 16);
        expect(found.equals(expected)).toBe(true);
      }),
      propertySettings(100),
    );
  });

  it('is empty again when a batch is finished, and leaves the batch alone', async () => {
    const writer = new RecordBatchWriter();
    const one = { key: 'a', value: 'first', headers: [], timestamp: 1_000 };
    writer.add(one);
    const first = await writer.finish();
    const copy = Buffer.from(first);
    for (let i = 0; i < 100; i++) writer.add({ ...one, value: 'second', timestamp: 5_000 });
    expect(writer.count).toBe(100);
    await writer.finish();
    expect(first).toEqual(copy);
    expect(writer.count).toBe(0);
  });
});
