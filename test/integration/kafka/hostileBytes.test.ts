import { DStreamError, foreachBatch, memoryCheckpoint, memoryWriteAheadLog, receiverBatches } from 'dstream';
import { type KafkaBatchesOptions, kafkaBatches, kafkaCheckpoint, kafkaReceiver } from 'dstream/kafka';
import { CorruptCheckpointError, type Damage, exportCheckpoint } from 'dstream/node';
import { firstValueFrom, from, retry } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type KafkaCluster, startKafka, whyNoBroker } from '../../../scripts/kafka-broker.mjs';
import { kafkajsTransactions } from '../../../src/sources/kafka/kafkajs/kafkajsTransactions.js';
import { randomOf } from '../../crash/records.js';
import { FaultyProxy, type Frame, flipBit, type Verdict } from '../../support/faultyProxy.js';
import { makeTopic, newKafka, produce } from '../../support/kafka.js';
import { nightly } from '../../support/nightly.js';
import { change, settle } from '../../support/savedBatches.js';

/** The requests whose responses are changed, by API key. */
const apis = [
  ['Fetch', 1],
  ['ListOffsets', 2],
  ['Metadata', 3],
  ['OffsetCommit', 8],
  ['OffsetFetch', 9],
  ['FindCoordinator', 10],
  ['ApiVersions', 18],
] as const;
/** Responses to these come again and again; those to the others only at the start. */
const repeated = new Set([1, 2, 8]);
const partitions = 2;
const total = 120;
/** Bits that are flipped of each kind of response. */
const trials = Number(process.env.FAULT_TRIALS ?? (nightly ? 40 : 5));
const seed = Number(process.env.FAULT_SEED ?? 20_261_128);

// Needs a cluster of its own, which tells its clients the address of a proxy. An exception that nobody catches fails the run.
describe.skipIf(whyNoBroker())('responses that are changed on their way', () => {
  let cluster: KafkaCluster;
  let proxy: FaultyProxy;
  let topic: string;
  beforeAll(async () => {
    cluster = await startKafka({
      proxy: async (port) => {
        proxy = await FaultyProxy.start(port, { seed });
        return proxy.port;
      },
    });
    const direct = newKafka({ brokers: [cluster.brokers] });
    topic = await makeTopic(direct, partitions);
    const values = Array.from({ length: total }, (_, i) => ({ partition: i % partitions, value: String(i) }));
    await produce(
      direct,
      topic,
      Array.from({ length: 6 }, (_, k) => values.slice(k * 20, k * 20 + 20)),
    );
  }, 600_000);
  afterAll(async () => {
    await proxy?.close();
    await cluster?.stop();
  }, 600_000);

  let groups = 0;
  /** Reads everything while `change` has its way with one response; returns what came, sorted, and the error if there was one. */
  async function read(apiKey: number, change: (frame: Frame) => Verdict, options: object = {}) {
    const values: number[] = [];
    let batches = 0;
    let changed = false;
    proxy.tamper = (frame) => {
      if (frame.apiKey !== apiKey || changed || (repeated.has(apiKey) && batches < 2)) return undefined;
      changed = true;
      return change(frame);
    };
    const kafka = newKafka({ brokers: [proxy.address], requestTimeout: 2_000, retry: { retries: 1 } });
    const stream = kafkaBatches<number>(kafka, {
      topics: [topic],
      groupId: `changed-${groups++}`,
      start: 'earliest',
      interval: 20,
      maxRatePerPartition: 500,
      maxBufferedBytes: 700,
      retryTimeout: 8_000,
      deserialize: (view) => Number(view.valueText()),
      ...options,
    } as KafkaBatchesOptions<number>);
    const error = await new Promise<unknown>((resolve) => {
      stream.pipe(foreachBatch((records) => void values.push(...records))).subscribe({
        next: () => {
          batches++;
          if (values.length >= total) void stream.stop();
        },
        error: resolve,
        complete: () => resolve(undefined),
      });
    });
    proxy.tamper = undefined;
    return { values: values.sort((a, b) => a - b), error, changed };
  }

  const all = Array.from({ length: total }, (_, i) => i);

  it.each(apis)('%s, cut in the middle: every record comes once', { timeout: 600_000 }, async (_, apiKey) => {
    // The length, the correlation id, the first field, and then in steps.
    for (const at of nightly ? [1, 4, 6, 10, 17, 31, 55] : [4, 10, 31]) {
      const cut = ({ bytes }: Frame): Verdict => ({
        bytes: bytes.subarray(0, Math.min(at, bytes.length - 1)),
        after: 'cut',
      });
      const { values, error, changed } = await read(apiKey, cut);
      expect({ at, error, changed }).toEqual({ at, error: undefined, changed: true });
      expect(values).toEqual(all);
    }
  });

  it.each(apis)('%s, with another length: every record comes once', { timeout: 600_000 }, async (_, apiKey) => {
    for (const length of nightly ? [-1, 3, 2 ** 20, 2 ** 31 - 1] : [-1, 2 ** 31 - 1]) {
      const change = ({ bytes }: Frame): Verdict => {
        bytes.writeInt32BE(length, 0);
        return bytes;
      };
      const { values, error } = await read(apiKey, change);
      expect({ length, error }).toEqual({ length, error: undefined });
      expect(values).toEqual(all);
    }
  });

  it.each(apis)(
    '%s, with a bit flipped: every record comes once, or a typed error, and never silence',
    { timeout: 600_000 },
    async (_, apiKey) => {
      const random = randomOf(seed + apiKey);
      const outcomes: Record<string, number> = {};
      for (let trial = 0; trial < trials; trial++) {
        const at = random();
        let bit = 0;
        const flip = ({ bytes }: Frame): Verdict => {
          bit = Math.floor(at * Math.min(bytes.length, 200) * 8);
          return flipBit(bytes, bit);
        };
        const { values, error } = await read(apiKey, flip, { checkCrcs: true });
        const place = `FAULT_SEED=${seed}, bit ${bit}`;
        if (error === undefined) expect(values, place).toEqual(all);
        else expect(error, place).toBeInstanceOf(DStreamError);
        const outcome = error === undefined ? 'read' : (error as DStreamError).code;
        outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
      }
      console.log(apiKey, JSON.stringify(outcomes));
    },
  );

  it('ListOffsets, with another epoch of a leader: every record comes once', { timeout: 600_000 }, async () => {
    // The epoch of the last partition is at the end.
    for (const bit of nightly ? [2, 5, 8, 12, 16, 20, 24, 28, 31] : [2, 9, 20, 31]) {
      const flip = ({ bytes }: Frame): Verdict => flipBit(bytes, bytes.length * 8 - bit);
      const { values, error, changed } = await read(2, flip);
      expect({ bit, error, changed }).toEqual({ bit, error: undefined, changed: true });
      expect(values).toEqual(all);
    }
  });

  it('that never come are asked for again, on another connection', { timeout: 600_000 }, async () => {
    for (const [, apiKey] of apis) {
      const { values, error } = await read(apiKey, ({ bytes }) => ({ bytes: bytes.subarray(0, 9), after: 'silence' }));
      expect({ apiKey, error }).toEqual({ apiKey, error: undefined });
      expect(values).toEqual(all);
    }
  });

  it('and responses that cease: stop() ends in bounded time, and closes every socket', {
    timeout: 600_000,
  }, async () => {
    const kafka = newKafka({ brokers: [proxy.address], enforceRequestTimeout: false });
    const stream = kafkaBatches(kafka, { topics: [topic], groupId: 'silent', interval: 50, deserialize: () => 1 });
    let batches = 0;
    await new Promise<void>((resolve, reject) => {
      stream.pipe(foreachBatch(() => {})).subscribe({
        next: () => {
          if (++batches !== 3) return;
          expect(proxy.open).toBeGreaterThan(0);
          proxy.swallow = 'both';
          void stream.stop({ drainTimeout: 100 });
        },
        error: reject,
        complete: resolve,
      });
    });
    await proxy.idle();
    proxy.heal();
  });

  it('that say that a transaction is still ending: a commit is asked for again, and an owner that is overtaken is fenced', {
    timeout: 600_000,
  }, async () => {
    const [endTxn, concurrentTransactions] = [26, 51];
    const direct = newKafka({ brokers: [cluster.brokers] });
    const [output, id] = [await makeTopic(direct, 1), 'ending'];
    const port = kafkajsTransactions(newKafka({ brokers: [proxy.address] }), 60_000);
    const producer = port.producer(id);
    let refused = 0;
    const refuse = (isRefused: () => boolean) => {
      proxy.tamper = ({ apiKey, bytes }) => {
        if (apiKey !== endTxn || !isRefused()) return undefined;
        refused++;
        // Behind length, correlation id and throttle time.
        bytes.writeInt16BE(concurrentTransactions, 12);
        return bytes;
      };
    };
    const write = async (value: string) => {
      await producer.begin();
      await producer.send(output, [{ value }]);
      await producer.commit();
    };
    try {
      refuse(() => refused < 3);
      await write('a');
      expect(refused).toBe(3);

      let isOvertaken = false;
      refuse(() => !isOvertaken);
      const written = write('b').then(
        () => undefined,
        (error: unknown) => error,
      );
      await vi.waitFor(() => expect(refused).toBeGreaterThan(3), 300_000);
      const other = kafkajsTransactions(direct, 60_000);
      await other.producer(id).begin();
      isOvertaken = true;
      expect(await written).toMatchObject({ code: 'FENCED' });
      await other.close(Promise.resolve());
    } finally {
      proxy.tamper = undefined;
      await port.close(Promise.resolve());
    }
  });

  it('do not keep a checkpoint in Kafka from being opened; what the log has so is left out of an export, and listed', {
    timeout: 600_000,
  }, async () => {
    const direct = newKafka({ brokers: [cluster.brokers] });
    const topic = `changed-states-${Date.now()}`;
    const session = await firstValueFrom(from(kafkaCheckpoint(direct, { topic }).open()));
    for (const [time, entries] of [
      [
        10,
        [
          ['a', 'at 10'],
          ['b', 'at 10'],
        ],
      ],
      [20, [['b', 'at 20']]],
      [30, [['c', 'at 30']]],
    ] as const) {
      const changes = [session.encode(change(entries))];
      await settle(session.save({ time, zeroTime: 0, interval: 10, positions: {}, changes }));
    }
    await settle(session.close());
    let left = 1;
    proxy.tamper = ({ apiKey, bytes }) => {
      const at = bytes.indexOf('at 20');
      if (apiKey !== 1 || at < 0 || left === 0) return undefined;
      left--;
      return flipBit(bytes, at * 8 + 5);
    };
    const checkpoint = kafkaCheckpoint(newKafka({ brokers: [proxy.address] }), { topic });
    const opened = await firstValueFrom(from(checkpoint.open()));
    expect(left).toBe(0);
    expect(Object.fromEntries(opened.restored?.state('counts')?.entries() ?? [])).toEqual({
      a: 'at 10',
      b: 'at 20',
      c: 'at 30',
    });
    await settle(opened.close());

    left = Infinity;
    const refused = firstValueFrom(from(checkpoint.open()));
    await expect(refused).rejects.toThrow(CorruptCheckpointError);
    await expect(refused).rejects.toThrow(`kafka://BROKERS/${topic}/0 export --skip-damaged\` reads the rest`);
    const found: Damage[] = [];
    const lines: string[] = [];
    const options = { skipDamaged: true, damageObserver: { next: (damage: Damage) => void found.push(damage) } };
    for await (const line of exportCheckpoint(checkpoint, undefined, options)) lines.push(line);
    proxy.tamper = undefined;
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({ time: 30, planned: [] });
    expect(lines.slice(2)).toEqual([
      '{"key":"a","state":"at 10"}',
      '{"key":"b","state":"at 10"}',
      '{"key":"c","state":"at 30"}',
    ]);
    expect(found).toEqual([
      {
        place: `Kafka topic ${topic}/0`,
        offset: expect.any(Number),
        until: expect.any(Number),
        reason: expect.stringMatching(/^its checksum is \d+, .*; a key may have an older value, or come without it$/),
      },
    ]);
    const [{ offset = 0, until = 0 }] = found as [Damage];
    expect(until).toBeGreaterThan(offset);
  });

  it('do not let a kafkaReceiver lose what it has committed: cut, silent, garbage, and a broker that is away', {
    timeout: 600_000,
  }, async () => {
    const direct = newKafka({ brokers: [cluster.brokers] });
    const [perPartition, groupId] = [400, 'received'];
    const received = await makeTopic(direct, partitions);
    const messages = Array.from({ length: partitions * perPartition }, (_, n) => {
      return { partition: n % partitions, value: String(n) };
    });
    // Small batches, so that there are many fetches.
    const batches = Array.from({ length: 40 }, (_, k) => messages.slice(k * 20, k * 20 + 20));
    await produce(direct, received, batches);
    const faults: readonly (() => void | Promise<void>)[] = [
      () => proxy.cutAll(),
      () => {
        proxy.tamper = ({ apiKey, bytes }) =>
          apiKey === 1 ? { bytes: Buffer.alloc(bytes.length, 0xff), after: 'cut' } : undefined;
      },
      () => {
        proxy.swallow = 'down';
      },
      () => proxy.refuse(),
      () => {
        proxy.cutRate = 0.2;
      },
    ];
    const kafka = newKafka({
      brokers: [proxy.address],
      requestTimeout: 1_000,
      retry: { retries: 1, initialRetryTime: 50, maxRetryTime: 100 },
    });
    const receiver = kafkaReceiver(kafka, {
      topics: [received],
      groupId,
      fromBeginning: true,
      parse: ({ value }) => Number(value),
      consumer: { sessionTimeout: 6_000, heartbeatInterval: 500, maxBytesPerPartition: 300, maxWaitTimeInMs: 50 },
    });
    const seen = new Set<number>();
    let suffered = 0;
    let crashes = 0;
    await new Promise<void>((resolve, reject) => {
      const subscription = receiverBatches(receiver, {
        interval: 20,
        restart: { delay: 50, maxDelay: 50, onClose: 'restart' },
        checkpoint: memoryCheckpoint(),
        writeAheadLog: memoryWriteAheadLog(),
      })
        .pipe(
          foreachBatch((records) => {
            // Before anything of the batch is seen: it is replayed.
            if (records.length > 0 && crashes < 3 && seen.size > 200 * crashes && crashes++ < 3)
              throw new Error('crash');
            for (const record of records) seen.add(record);
            if (seen.size > 100 * suffered && suffered < faults.length) {
              void faults[suffered++]?.();
              setTimeout(() => void proxy.listen().then(() => proxy.heal()), 500);
            }
            if (seen.size < messages.length) return;
            subscription.unsubscribe();
            resolve();
          }),
          retry(),
        )
        .subscribe({ error: reject });
    });
    expect(suffered).toBe(faults.length);
    expect([...seen].sort((a, b) => a - b)).toEqual(messages.map((_, n) => n));
  });
});
