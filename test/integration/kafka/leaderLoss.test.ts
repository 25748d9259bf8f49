import { foreachBatch, mapRecords } from 'dstream';
import { kafkaBatches } from 'dstream/kafka';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KafkaCluster, startKafka, whyNoBroker } from '../../../scripts/kafka-broker.mjs';
import { makeTopic, newKafka, produce } from '../../support/kafka.js';

const partitions = 3;
const perPartition = 40_000;

// Needs a cluster of its own, whose brokers it may kill.
describe.skipIf(whyNoBroker())('a leader that is killed while it is read from', () => {
  let cluster: KafkaCluster;
  beforeAll(async () => {
    cluster = await startKafka({ nodes: 3 });
  }, 600_000);
  afterAll(() => cluster?.stop(), 60_000);

  // So slow that the broker goes away in the middle.
  it.each([
    ['at a rate', { maxRatePerPartition: 8_000 }],
    // Then the next batch is read ahead of its plan, and another leader has to go on with it.
    ['without one', { maxBytesPerBatch: 64 * 1_024, maxBufferedBytes: 256 * 1_024 }],
  ])(
    'costs time, and nothing else: every record comes once and in order, %s',
    { timeout: 600_000 },
    async (_, bound) => {
      const kafka = newKafka({
        brokers: cluster.brokers.split(','),
        retry: { retries: 20, initialRetryTime: 200, maxRetryTime: 2_000 },
      });
      const topic = await makeTopic(kafka, partitions, { replicationFactor: 3 });
      const chunk = 6_000;
      await produce(
        kafka,
        topic,
        Array.from({ length: (partitions * perPartition) / chunk }, (_, c) =>
          Array.from({ length: chunk }, (_, i) => ({ partition: i % partitions, value: String(c * chunk + i) })),
        ),
      );

      const next = [0, 1, 2];
      const wrong: string[] = [];
      /** The brokers that sent records of a partition. */
      const leaders = next.map(() => new Set<string>());
      const stream = kafkaBatches(kafka, {
        topics: [topic],
        start: 'earliest',
        interval: 100,
        ...bound,
        deserialize: (view) => ({ n: Number(view.valueText()) }),
        fetchObserver: {
          next: ({ broker, partitions: fetched, bytes }) => {
            if (bytes > 0) for (const { partition } of fetched) leaders[partition]?.add(broker);
          },
        },
      });
      let seen = 0;
      let killed: Promise<void> | undefined;
      const killAndRestart = async () => {
        const [victim] = cluster.nodes;
        await victim?.kill('SIGKILL');
        await victim?.start();
      };
      await new Promise<void>((resolve, reject) => {
        // Made when they are gone through: their bytes are kept over the loss.
        const numbers = mapRecords(({ n }: { n: number }) => n);
        stream
          .pipe(
            numbers,
            foreachBatch(() => {}),
          )
          .subscribe({
            next: ({ partitions: parts }) => {
              for (const { records, range } of parts) {
                const partition = range?.partition ?? -1;
                for (const record of records) {
                  if (record !== next[partition])
                    wrong.push(`partition ${partition}: ${record} instead of ${next[partition]}`);
                  next[partition] = record + partitions;
                  seen++;
                }
              }
              if (seen > 20_000) killed ??= killAndRestart();
              if (seen === partitions * perPartition) void stream.stop();
            },
            error: reject,
            complete: resolve,
          });
      });
      await killed;
      expect(wrong).toEqual([]);
      expect(seen).toBe(partitions * perPartition);
      // The one that was killed led a partition, and another went on with it.
      expect(Math.max(...leaders.map(({ size }) => size))).toBeGreaterThan(1);
    },
  );
});
