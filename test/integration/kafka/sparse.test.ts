import { fixedRate, foreachBatch, type RecordView } from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import type { Kafka } from 'kafkajs';
import { expect, it } from 'vitest';
import { describeKafka, makeTopic, newKafka, produce } from '../../support/kafka.js';

const rate = 400;
const interval = 250;

interface Read {
  readonly offsets: readonly number[];
  /** Records of each batch, from the first to the last that had any. */
  readonly counts: readonly number[];
}

/** Reads a topic up to its end, or for that many batches. */
function read(kafka: Kafka, topic: string, options: object, maxBatches = Infinity): Promise<Read> {
  const offsets: number[] = [];
  const counts: number[] = [];
  const stream = kafkaBatches(kafka, {
    ...{ topics: [topic], start: 'earliest', interval, deserialize: (view: RecordView) => view.offset, ...options },
  });
  return new Promise((resolve, reject) => {
    stream.pipe(foreachBatch((records) => void counts.push(records.length))).subscribe({
      next: ({ records, context }) => {
        for (const offset of records) offsets.push(offset);
        if (context.inputs.kafka?.lag === 0 || counts.length >= maxBatches) void stream.stop();
      },
      error: reject,
      complete: () => resolve({ offsets, counts }),
    });
  });
}

/** Looks again until the cleaner has been there. It never cleans the segment that is written to: each new record begins another. */
async function compacted(kafka: Kafka, topic: string, most: number): Promise<readonly number[]> {
  for (;;) {
    await produce(kafka, topic, [[{ partition: 0, key: 'gone', value: 'last' }]]);
    const { offsets } = await read(kafka, topic, {});
    if (offsets.length <= most) return offsets;
    await new Promise((resolve) => setTimeout(resolve, 1_000));
  }
}

describeKafka('a rate on a log with gaps between its offsets', () => {
  it('is in records: a compacted topic', async () => {
    const kafka = newKafka();
    const [kept, gap] = [2_000, 50];
    const configEntries = Object.entries({
      'cleanup.policy': 'compact',
      'segment.ms': '100',
      'min.cleanable.dirty.ratio': '0.001',
      'max.compaction.lag.ms': '100',
    }).map(([name, value]) => ({ name, value }));
    const topic = await makeTopic(kafka, 1, { configEntries });
    const messages = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => ({
        partition: 0,
        key: (from + i) % gap ? 'gone' : `${from + i}`,
        value: 'x',
      }));
    const batches = Array.from({ length: (kept * gap) / 5_000 }, (_, i) => messages(i * 5_000, 5_000));
    await produce(kafka, topic, batches);
    const offsets = await compacted(kafka, topic, kept * 1.2);
    const { offsets: limited, counts } = await read(kafka, topic, { backpressure: fixedRate(rate) }, 16);
    const perBatch = (rate * interval) / 1_000;
    expect(limited).toEqual(offsets.slice(0, limited.length));
    expect(Math.max(...counts)).toBeLessThanOrEqual(perBatch);
    // The first batches learn.
    expect(limited.length).toBeGreaterThan(0.75 * perBatch * Math.min(counts.length, 16));
  });

  it('is in records: a transaction for each record', async () => {
    const kafka = newKafka();
    const topic = await makeTopic(kafka, 1);
    const producer = kafka.producer({ transactionalId: topic, idempotent: true, maxInFlightRequests: 1 });
    await producer.connect();
    for (let i = 0; i < 600; i++) {
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: [{ partition: 0, value: `${i}` }] });
      // Every third is aborted: its record is there, and nobody reads it.
      await (i % 3 === 0 ? transaction.abort() : transaction.commit());
    }
    await producer.disconnect();
    const { offsets, counts } = await read(kafka, topic, { maxRatePerPartition: rate });
    expect(offsets.length).toBe(400);
    const perBatch = (rate * interval) / 1_000;
    expect(Math.max(...counts)).toBeLessThanOrEqual(perBatch);
    expect(counts.slice(0, 4).reduce((sum, count) => sum + count, 0)).toBeGreaterThan(3 * perBatch);
  });
});
