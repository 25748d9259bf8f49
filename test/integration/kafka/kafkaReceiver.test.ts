import { randomUUID } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { foreachBatch, memoryCheckpoint, ReceiverError, receiverBatches } from 'dstream';
import { kafkaReceiver } from 'dstream/kafka';
import { fileWriteAheadLog } from 'dstream/node';
import { retry, timer } from 'rxjs';
import { expect, it } from 'vitest';
import { brokers, committedOffsets, describeKafka, makeTopic, newKafka, produce } from '../../support/kafka.js';
import { inputTopic } from '../../support/kafkaTopics.js';
import { itNightly } from '../../support/nightly.js';

describeKafka('kafkaReceiver', () => {
  it('commits what is durable, and loses nothing of it when the stream fails again and again', async () => {
    const [partitions, count] = [2, 500];
    const topic = await inputTopic(partitions, count);
    const kafka = newKafka();
    const groupId = `receiver-${randomUUID()}`;
    const seen = new Set<string>();
    let failures = 0;
    const stream = receiverBatches(
      kafkaReceiver(kafka, { topics: [topic], groupId, fromBeginning: true, parse: ({ value }) => String(value) }),
      {
        interval: 50,
        maxQueue: 100,
        restart: { delay: 100, onClose: 'restart' },
        checkpoint: memoryCheckpoint(),
        writeAheadLog: fileWriteAheadLog(join(mkdtempSync(join(tmpdir(), 'dstream-kafka-receiver-')), 'wal')),
      },
    );
    await new Promise<void>((resolve, reject) => {
      const subscription = stream
        .pipe(
          foreachBatch((records) => {
            if (records.length > 0 && failures < 3 && seen.size >= 100 * failures) {
              failures++;
              throw new Error('crash');
            }
            for (const record of records) seen.add(record);
            if (seen.size < partitions * count) return;
            subscription.unsubscribe();
            resolve();
          }),
          retry({ delay: () => timer(100) }),
        )
        .subscribe({ error: reject });
    });
    expect(failures).toBe(3);
    expect(seen.size).toBe(partitions * count);
    for (const offset of await committedOffsets(kafka, groupId, topic)) expect(offset).toBeLessThanOrEqual(count);
  });

  itNightly(
    'takes no more than it has room for, and stays in its group, while an output takes longer than a session',
    { timeout: 600_000 },
    async () => {
      const [partitions, count, maxQueue] = [2, 2_000, 100];
      const topic = await makeTopic(newKafka(), partitions);
      // Of record batches that are smaller than the queue.
      for (let from = 0; from < count; from += 50) {
        const values = (partition: number) =>
          Array.from({ length: 50 }, (_, i) => ({ value: `${partition} ${from + i}` }));
        await produce(newKafka(), topic, [values(0), values(1)]);
      }
      const groupId = `receiver-${randomUUID()}`;
      // Kafka allows no shorter session.
      const consumer = { sessionTimeout: 6_000, heartbeatInterval: 1_000, maxBytesPerPartition: 1_000 };
      const seen: string[] = [];
      let connections = 0;
      let parsed = 0;
      let largest = 0;
      const receiver = kafkaReceiver(newKafka(), {
        topics: [topic],
        groupId,
        fromBeginning: true,
        consumer,
        parse: ({ value }) => {
          parsed++;
          return String(value);
        },
      });
      const stream = receiverBatches(receiver, {
        interval: 50,
        maxQueue,
        checkpoint: memoryCheckpoint(),
        monitors: [
          {
            run: () => ({
              receiver: ({ state }) => {
                if (state === 'running') connections++;
              },
            }),
          },
        ],
      });
      await new Promise<void>((resolve, reject) => {
        let slow = true;
        const subscription = stream
          .pipe(
            foreachBatch(async (records) => {
              if (slow && records.length > 0) {
                slow = false;
                await sleep(15_000);
                // In the queue, in hand, and in the batch that is being written.
                largest = parsed;
              }
              seen.push(...records);
              if (seen.length < partitions * count) return;
              subscription.unsubscribe();
              resolve();
            }),
          )
          .subscribe({ error: reject });
      });
      expect(new Set(seen).size).toBe(partitions * count);
      // Nobody has taken its partitions meanwhile.
      expect(seen.length).toBe(partitions * count);
      expect(connections).toBe(1);
      expect(largest).toBeLessThan(5 * maxQueue);
    },
  );

  it('fails with a typed error when no broker can be reached', async () => {
    expect(brokers.length).toBeGreaterThan(0);
    const kafka = newKafka({ brokers: ['127.0.0.1:1'], retry: { retries: 0 } });
    const failed = new Promise((_, reject) => {
      receiverBatches(kafkaReceiver(kafka, { topics: ['t'], groupId: 'g' }), { interval: 50 }).subscribe({
        error: reject,
      });
    });
    await expect(failed).rejects.toThrow(ReceiverError);
  });
});
