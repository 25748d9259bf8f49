import { foreachBatch, type ProtocolError } from 'dstream';
import { type KafkaClientOptions, type KafkaFetchEvent, kafkaBatches } from 'dstream/kafka';
import { firstValueFrom } from 'rxjs';
import { describe, expect, it } from 'vitest';
import { KafkajsClient } from '../../../../src/sources/kafka/kafkajs/kafkajsClient.js';
import { type Answer, batchAt, type Script, scriptedCluster } from '../../../support/scriptedCluster.js';

const notLeader: Answer = { errorCode: 6 };
const perBatch = 10;

/** A topic whose partitions have `end` records each, in record batches of ten. */
function topic(partitions: number, end: number, script: Partial<Script> = {}) {
  return scriptedCluster({
    topic: 't',
    end,
    leaders: () => Array.from({ length: partitions }, () => '0'),
    answer: (_, __, offset) => recordsAt(offset, end),
    ...script,
  });
}

function recordsAt(offset: number, end: number): Answer {
  const from = Math.floor(offset / perBatch) * perBatch;
  return offset < end ? { records: batchAt(from, Math.min(perBatch, end - from)) } : {};
}

/** Reads until `total` records have arrived; returns the values of each partition, or the error. */
async function read(cluster: ReturnType<typeof scriptedCluster>, total: number, options: KafkaClientOptions = {}) {
  const seen: Record<number, string[]> = {};
  let count = 0;
  const stream = kafkaBatches(cluster.kafka, {
    topics: ['t'],
    start: 'earliest',
    interval: 5,
    deserialize: (view) => [view.partition, view.valueText() ?? ''] as const,
    ...options,
  });
  const failed = await new Promise<unknown>((resolve) => {
    const output = foreachBatch<readonly [number, string]>((records) => {
      for (const [partition, value] of records) {
        seen[partition] ??= [];
        seen[partition].push(value);
      }
      count += records.length;
    });
    stream.pipe(output).subscribe({
      next: () => count >= total && void stream.stop(),
      error: resolve,
      complete: () => resolve(undefined),
    });
  });
  return { seen, failed };
}

const upTo = (end: number) => Array.from({ length: end }, (_, i) => String(i));

describe('a leader that moves', () => {
  it.each([
    ['NOT_LEADER_OR_FOLLOWER', 6],
    ['LEADER_NOT_AVAILABLE', 5],
    ['UNKNOWN_TOPIC_OR_PARTITION', 3],
    ['FENCED_LEADER_EPOCH', 74],
    ['UNKNOWN_LEADER_EPOCH', 75],
    ['KAFKA_STORAGE_ERROR', 56],
    ['OFFSET_NOT_AVAILABLE', 78],
  ])('is looked up again after %s, and nothing is lost or doubled', async (_, errorCode) => {
    // The metadata says so only at the third look; until then the old leader refuses.
    const cluster = topic(2, 40, {
      leaders: (look) => ['0', look < 3 ? '0' : '1'],
      answer: ({ broker }, partition, offset) =>
        partition === 1 && broker === '0' ? { errorCode } : recordsAt(offset, 40),
    });
    const { seen, failed } = await read(cluster, 80);
    expect(failed).toBeUndefined();
    expect(seen).toEqual({ 0: upTo(40), 1: upTo(40) });
    expect(cluster.looks()).toBeGreaterThanOrEqual(3);
    expect(cluster.sent.some(({ broker, partitions }) => broker === '1' && partitions[0]?.partition === 1)).toBe(true);
  });

  it('is given up after `retryTimeout`, with an error that may be retried, and after few requests', async () => {
    const cluster = topic(1, 40, { answer: () => notLeader });
    const { failed } = await read(cluster, 40, { retryTimeout: 500 });
    expect(failed).toMatchObject({ code: 'PROTOCOL', retriable: true });
    expect((failed as ProtocolError).message).toContain('Fetch');
    // At once, after 100, 200 and 400 ms: the next pause would end beyond the 500. A slow machine makes them fewer.
    expect(cluster.sent.length).toBeGreaterThanOrEqual(2);
    expect(cluster.sent.length).toBeLessThanOrEqual(5);
  });

  it('fails at once with an error that does not pass', async () => {
    const cluster = topic(1, 40, { answer: () => ({ errorCode: 29 }) });
    const { failed } = await read(cluster, 40);
    expect(failed).toMatchObject({ code: 'AUTHORIZATION', retriable: false });
    expect(cluster.sent).toHaveLength(1);
  });

  it('does not hold up the partitions of other brokers', async () => {
    let moved = false;
    const cluster = topic(2, 40, {
      leaders: () => (moved ? ['0', '0'] : ['0', '1']),
      answer: ({ broker }, _, offset) => {
        // The first records come, for batches are planned only when it is known how large records are.
        if (broker === '1' && offset > 0) return notLeader;
        if (broker === '0' && offset >= 30) moved = true;
        return recordsAt(offset, 40);
      },
    });
    const { seen, failed } = await read(cluster, 80, { retryTimeout: 20_000 });
    expect(failed).toBeUndefined();
    expect(seen).toEqual({ 0: upTo(40), 1: upTo(40) });
  });
});

describe('brokers', () => {
  it('are asked in parallel, each with one request in flight', async () => {
    const waiting: (() => void)[] = [];
    const cluster = topic(6, 100, {
      leaders: () => ['0', '1', '2', '0', '1', '2'],
      // Nobody is answered at first until all three have been asked.
      answer: async (_, __, offset) => {
        if (offset < perBatch && cluster.most.all < 3) await new Promise<void>((resolve) => waiting.push(resolve));
        if (cluster.most.all >= 3) for (const go of waiting.splice(0)) go();
        return recordsAt(offset, 100);
      },
    });
    const { seen, failed } = await read(cluster, 600);
    expect(failed).toBeUndefined();
    expect(Object.values(seen)).toEqual(Array.from({ length: 6 }, () => upTo(100)));
    expect(cluster.most).toEqual({ one: 1, all: 3 });
  });

  it('carry the throttle time, which kafkajs waits for (KIP-219)', async () => {
    const cluster = topic(1, 20, { throttleTime: 123 });
    const events: KafkaFetchEvent[] = [];
    const { seen } = await read(cluster, 20, { fetchObserver: { next: (event) => events.push(event) } });
    expect(seen).toEqual({ 0: upTo(20) });
    expect(new Set(cluster.throttled)).toEqual(new Set([123]));
    expect(events.map(({ throttleTime }) => throttleTime)).toEqual(events.map(() => 123));
  });
});

describe('the end of a log', () => {
  // What is planned beyond it would not come before the transaction is ended.
  it.each([
    ['read_committed', 'where the first open transaction begins', 20],
    ['read_uncommitted', 'behind the last record', 40],
  ] as const)('is, for %s, %s', async (isolationLevel, _, end) => {
    const cluster = topic(1, 40, { stable: 20 });
    const client = new KafkajsClient(cluster.kafka, { isolationLevel });
    const partitions = await client.partitions(['t']);
    expect(await client.offsets(partitions, 'latest')).toMatchObject([{ offset: end }]);
    const requests = partitions.map((partition) => ({ ...partition, offset: 0, maxBytes: 1_000 }));
    const fetched = await firstValueFrom(client.fetch(requests, { maxWait: 0, maxBytes: 1_000 }));
    expect(fetched).toMatchObject([{ latest: end }]);
  });
});

describe('a broker that is asked for topics by their names, though they have ids', () => {
  // A topic that was created again would be planned, and noticed afterwards.
  it('is asked for the ends at each tick, and its answers to fetches do not take their place', async () => {
    const client = new KafkajsClient(topic(1, 40).kafka);
    const partitions = await client.partitions(['t']);
    expect(client.longPolls).toBe(true);
    const requests = partitions.map((partition) => ({ ...partition, offset: 0, maxBytes: 1_000 }));
    await firstValueFrom(client.fetch(requests, { maxWait: 0, maxBytes: 1_000 }));
    expect(client.longPolls).toBe(false);
  });
});

describe('a response that leaves out a partition', () => {
  const both = [0, 1].map((partition) => ({ topic: 't', partition }));
  const requests: readonly (readonly [string, (client: KafkajsClient) => Promise<unknown>])[] = [
    ['ListOffsets', (client) => client.offsets(both, 'latest')],
    ['OffsetFetch', (client) => client.committed('g', both)],
  ];

  it.each(requests)('to %s is asked for again, and not read as an empty or uncommitted partition', async (_, ask) => {
    let responses = 0;
    const cluster = topic(2, 20, { leavesOut: (partition) => partition === 0 && responses++ < 2 });
    const client = new KafkajsClient(cluster.kafka);
    await client.partitions(['t']);
    expect(await ask(client)).toHaveLength(2);
    expect(responses).toBeGreaterThan(2);
  });

  it.each(requests)('to %s is an error that names the partition, if it stays so', async (request, ask) => {
    const cluster = topic(2, 20, { leavesOut: (partition) => partition === 1 });
    const client = new KafkajsClient(cluster.kafka, { retryTimeout: 300 });
    await client.partitions(['t']);
    await expect(ask(client)).rejects.toMatchObject({
      code: 'PROTOCOL',
      retriable: true,
      message: `${request} failed: the response has no answer for t/1`,
    });
  });
});

describe('a base offset that was changed on its way, which no checksum covers', () => {
  const damaged = (offset: number, end: number): Answer => {
    const { records } = recordsAt(offset, end);
    records?.writeBigInt64BE(BigInt(Math.floor(offset / perBatch) * perBatch + 2 ** 20));
    return { ...(records && { records }) };
  };

  it('is not read, and the records are fetched again', async () => {
    let damages = 0;
    const cluster = topic(1, 40, {
      answer: (_, __, offset) => (offset === 20 && damages++ === 0 ? damaged(offset, 40) : recordsAt(offset, 40)),
    });
    const { seen, failed } = await read(cluster, 40, { checkCrcs: true });
    expect(failed).toBeUndefined();
    expect(damages).toBeGreaterThan(1);
    expect(seen).toEqual({ 0: upTo(40) });
  });

  it('is an error that says so, if the broker repeats it', async () => {
    const cluster = topic(1, 40, {
      answer: (_, __, offset) => (offset === 20 ? damaged(offset, 40) : recordsAt(offset, 40)),
    });
    const { failed } = await read(cluster, 40, { checkCrcs: true });
    expect(failed).toMatchObject({
      code: 'MALFORMED_RECORD',
      offset: 20,
      reason: 'its offsets (1048596 to 1048605) are beyond the end of the log (40)',
    });
  });
});
