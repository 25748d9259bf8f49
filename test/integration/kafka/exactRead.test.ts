import { randomUUID } from 'node:crypto';
import { type BatchInfo, foreachBatch, type OffsetRange } from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import { beforeAll, expect, it } from 'vitest';
import { committedOffsets, describeKafka, makeTopic, newKafka, produce } from '../../support/kafka.js';

const partitions = 4;
const total = 1_000_000;
const kafka = newKafka();

/** Record n goes to partition n mod 4, with n as its value. */
function* messages(from: number, until: number) {
  const size = 20_000;
  for (let start = from; start < until; start += size) {
    yield Array.from({ length: Math.min(size, until - start) }, (_, i) => {
      const n = start + i;
      return { partition: n % partitions, key: String(n % 1_000), value: String(n) };
    });
  }
}

describeKafka('a million records in four partitions', () => {
  let topic: string;

  beforeAll(async () => {
    topic = await makeTopic(kafka, partitions);
    await produce(kafka, topic, messages(0, total));
  });

  it('come each in exactly one batch, in order of the partition, in ranges that join', async () => {
    const groupId = `g-${randomUUID()}`;
    const next = [0, 1, 2, 3];
    const infos: BatchInfo[] = [];
    let seen = 0;
    const stream = kafkaBatches(kafka, {
      topics: [topic],
      groupId,
      start: 'earliest',
      interval: 100,
      maxBytesPerBatch: 4 * 1024 * 1024,
      deserialize: (view) => Number(view.valueText()),
      batchObserver: { next: (info) => infos.push(info) },
    });
    await new Promise<void>((resolve, reject) => {
      stream.pipe(foreachBatch(() => {})).subscribe({
        next: (batch) => {
          for (const { records, range } of batch.partitions) {
            const partition = range?.partition ?? -1;
            for (const record of records) {
              if (record !== next[partition])
                reject(new Error(`partition ${partition}: ${record} for ${next[partition]}`));
              next[partition] = record + partitions;
              seen++;
            }
          }
          if (seen >= total) void stream.stop();
        },
        error: reject,
        complete: resolve,
      });
    });
    expect(seen).toBe(total);
    expect(infos.length).toBeGreaterThan(5);
    expectJoined(infos.map((info) => info.inputs.kafka?.ranges ?? []));
    const last = infos.at(-1)?.inputs.kafka?.ranges.map(({ until }) => until);
    expect(last).toEqual([250_000, 250_000, 250_000, 250_000]);
    expect(await committedOffsets(kafka, groupId, topic)).toEqual(last);
  });
});

/** Each range begins where the one before it ended. */
function expectJoined(batches: readonly (readonly OffsetRange[])[]): void {
  const ends = new Map<number, number>();
  for (const ranges of batches) {
    for (const { partition, from, until } of ranges) {
      expect(from).toBe(ends.get(partition) ?? 0);
      ends.set(partition, until);
    }
  }
}
