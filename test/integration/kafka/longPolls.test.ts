import { setTimeout as sleep } from 'node:timers/promises';
import { foreachBatch, type LogOffset, type LogPoint, logBatches, string, type TopicPartition } from 'dstream';
import { KafkajsClient } from 'dstream/kafka';
import { expect, it } from 'vitest';
import { describeKafka, makeTopic, newKafka, produce } from '../../support/kafka.js';

/** Counts what it is asked. */
class CountingClient extends KafkajsClient {
  asked = 0;
  fetches = 0;

  constructor() {
    super(newKafka(), { fetchObserver: { next: () => this.fetches++ } });
  }

  override offsets(
    partitions: readonly TopicPartition[],
    point: LogPoint,
    options = {},
  ): Promise<readonly LogOffset[]> {
    this.asked++;
    return super.offsets(partitions, point, options);
  }
}

/** What a stream asks while there is nothing to read. */
async function countRequests(topic: string, interval: number) {
  const client = new CountingClient();
  const stream = logBatches(client, { topics: [topic], interval, deserialize: string() });
  let batches = 0;
  let before = { asked: 0, fetches: 0, batches: 0 };
  await new Promise<void>((resolve, reject) => {
    stream.pipe(foreachBatch(() => {})).subscribe({
      next: () => {
        // The first of them look for where the partitions start.
        if (++batches === 5) before = { asked: client.asked, fetches: client.fetches, batches };
        if (batches === 35) void stream.stop();
      },
      error: reject,
      complete: resolve,
    });
  });
  return {
    batches: batches - before.batches,
    asked: client.asked - before.asked,
    fetches: client.fetches - before.fetches,
  };
}

describeKafka('a stream that has read everything', () => {
  it('waits for records of 64 partitions with one request a tick, and does not ask for their ends', async () => {
    const topic = await makeTopic(newKafka(), 64);
    // A machine that is too busy for one interval has the time for a longer one.
    for (const interval of [200, 1_000, 4_000]) {
      const { batches, asked, fetches } = await countRequests(topic, interval);
      // Where the machine stops for a while ends are asked for: not at each tick, which would be one for each.
      if (asked < batches / 2 && fetches < 2 * batches) return;
      console.log(`${interval} ms: ${batches} batches, ${asked} requests for ends, ${fetches} fetches`);
    }
    expect.fail('ends are asked for at most ticks, whatever the interval');
  });

  it('reads what is committed, once and in order, whatever else is written meanwhile', async () => {
    const kafka = newKafka();
    const topic = await makeTopic(kafka, 2);
    const client = new CountingClient();
    const seen: (string | null)[] = [];
    const stream = logBatches(client, { topics: [topic], start: 'earliest', interval: 50, deserialize: string() });
    const reading = new Promise<void>((resolve, reject) => {
      stream
        .pipe(
          foreachBatch((records) => {
            seen.push(...records);
            if (records.includes('end')) void stream.stop();
          }),
        )
        .subscribe({ error: reject, complete: resolve });
    });
    const producer = kafka.producer({ transactionalId: topic, maxInFlightRequests: 1, idempotent: true });
    await producer.connect();
    const expected: string[] = [];
    for (let round = 0; round < 30; round++) {
      const transaction = await producer.transaction();
      const kept = round % 3 !== 0;
      const values = [0, 1, 2].map((i) => `${kept ? 'kept' : 'aborted'} ${round}.${i}`);
      for (const value of values) await transaction.send({ topic, messages: [{ partition: 0, value }] });
      // Over several ticks at times: records wait behind an open transaction.
      if (round % 10 === 5) await sleep(150);
      if (kept) {
        await transaction.commit();
        expected.push(...values);
      } else await transaction.abort();
    }
    await producer.disconnect();
    await produce(kafka, topic, [[{ partition: 0, value: 'end' }]]);
    await reading;
    expect(seen).toEqual([...expected, 'end']);
  });
});
