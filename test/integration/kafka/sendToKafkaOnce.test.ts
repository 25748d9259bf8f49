import { randomUUID } from 'node:crypto';
import { filterRecords, foreachBatch, mapRecords, string, transformBatch, unionBatches } from 'dstream';
import { type KafkaBatchesOptions, kafkaBatches, sendToKafka } from 'dstream/kafka';
import type { Kafka, Message, ProducerConfig, Transaction } from 'kafkajs';
import { defer, lastValueFrom, map, merge, NEVER, retry, Subject, share } from 'rxjs';
import { expect, it } from 'vitest';
import { committedOffsets, describeKafka, makeTopic, newKafka, produce } from '../../support/kafka.js';
import { inputTopic, inputValues, outputOf, valuesOf } from '../../support/kafkaTopics.js';
import { untilCommitted } from '../../support/untilCommitted.js';
import { withProducer } from '../../support/withProducer.js';

type Options = KafkaBatchesOptions<string | null>;

/** A job under test: it reads records and writes them. */
interface Job {
  readonly kafka: Kafka;
  readonly input: string;
  readonly output: string;
  readonly groupId: string;
  readonly options: Options;
}

async function job(partitions: number, count: number): Promise<Job> {
  const kafka = newKafka();
  const [input, output, groupId] = [await inputTopic(partitions, count), await makeTopic(kafka, 1), randomUUID()];
  const deserialize = string();
  const options = { groupId, commitOffsets: false, start: 'earliest', interval: 20, deserialize } as const;
  return { kafka, input, output, groupId, options: { topics: [input], ...options } };
}

const records = ({ kafka, options }: Job) => kafkaBatches(kafka, options);
/** As windows and state give them: a partition that is of no range. */
const mixed = transformBatch((values: readonly (string | null)[]) => values);
const message = (value: string | null): Message => ({ value, partition: 0 });
const send = ({ output, groupId }: Job, kafka: Kafka) => sendToKafka(kafka, { topic: output, groupId });

const written = async ({ output }: Job) => valuesOf(await outputOf(output, 1))[0];

/** A whole transaction of somebody else: what can be committed in less time is committed meanwhile. */
async function otherTransaction(kafka: Kafka): Promise<void> {
  const topic = await makeTopic(kafka, 1);
  const producer = kafka.producer({ transactionalId: randomUUID(), maxInFlightRequests: 1 });
  await producer.connect();
  const transaction = await producer.transaction();
  await transaction.send({ topic, messages: [message('x')] });
  await transaction.commit();
  await producer.disconnect();
}

/** The first group of a broker waits for its coordinator, and kafkajs does not. */
async function whenCoordinated<R>(send: () => Promise<R>): Promise<R> {
  for (;;) {
    try {
      return await send();
    } catch (error) {
      if (!/COORDINATOR/.test(String((error as { readonly type?: unknown }).type))) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A transaction of an earlier owner of an id, which has written all records of the input and their offset. */
async function earlier({ kafka, input, output, groupId }: Job, transactionalId: string, count: number) {
  const producer = kafka.producer({ transactionalId, maxInFlightRequests: 1 });
  await producer.connect();
  const transaction: Transaction = await producer.transaction();
  await transaction.send({ topic: output, messages: inputValues(1, count).flat().map(message) });
  const partitions = [{ partition: 0, offset: String(count) }];
  await whenCoordinated(() =>
    transaction.sendOffsets({ consumerGroupId: groupId, topics: [{ topic: input, partitions }] }),
  );
  return {
    commit: async () => {
      await transaction.commit();
      await producer.disconnect();
    },
  };
}

describeKafka('sendToKafka', () => {
  it('asks what was written when the earlier owner of the id can commit no more', async () => {
    const one = await job(1, 5);
    const before = await earlier(one, one.groupId, 5);
    let commits: Promise<void> | undefined;
    // At the last moment before the id changes hands.
    const late = withProducer(one.kafka, (producer) => ({
      transaction: async () => {
        commits ??= before.commit();
        await commits;
        return producer.transaction();
      },
    }));
    await untilCommitted(one, records(one).pipe(mixed, mapRecords(message), send(one, late)), [5]);
    expect(await written(one)).toEqual(inputValues(1, 5)[0]);
  });

  it('writes a new batch although offsets beyond it are committed: the log was cut', async () => {
    const one = await job(1, 5);
    const producer = one.kafka.producer({ transactionalId: randomUUID(), maxInFlightRequests: 1 });
    await producer.connect();
    const transaction = await producer.transaction();
    const partitions = [{ partition: 0, offset: '300', metadata: 'dstream 1000' }];
    await whenCoordinated(() =>
      transaction.sendOffsets({ consumerGroupId: one.groupId, topics: [{ topic: one.input, partitions }] }),
    );
    await transaction.commit();
    await producer.disconnect();
    const again = { ...one, options: { ...one.options, offsetOutOfRange: 'earliest' as const } };
    await untilCommitted(one, records(again).pipe(mapRecords(message), send(one, one.kafka)), [5]);
    expect(await written(one)).toEqual(inputValues(1, 5)[0]);
  });

  it('waits for the offsets of a transaction that is being ended', async () => {
    const one = await job(1, 5);
    const before = await earlier(one, randomUUID(), 5);
    const ends = untilCommitted(one, records(one).pipe(mixed, mapRecords(message), send(one, one.kafka)), [5]);
    setTimeout(() => void before.commit(), 1_000);
    await ends;
    expect(await written(one)).toEqual(inputValues(1, 5)[0]);
  });

  it('a new subscription is not fenced by the one that it follows', async () => {
    const one = await job(1, 60);
    let inits = 0;
    let begun = () => {};
    const isBegun = new Promise<void>((resolve) => {
      begun = resolve;
    });
    // The first takes its id late, when it has been left already.
    const slow = withProducer(one.kafka, (producer) => ({
      transaction: async () => {
        const first = inits++ === 0;
        begun();
        if (first) await new Promise((resolve) => setTimeout(resolve, 1_500));
        return producer.transaction();
      },
    }));
    const limited = { ...one, options: { ...one.options, maxRatePerPartition: 50 } };
    const stream = () => records(limited).pipe(mapRecords(message), send(one, slow));
    const first = stream().subscribe();
    await isBegun;
    first.unsubscribe();
    await untilCommitted(one, stream(), [60]);
    expect(await written(one)).toEqual(inputValues(1, 60)[0]);
  });

  it('commits the offsets of many batches that give no records', async () => {
    const one = await job(1, 200);
    const slow = { ...one, options: { ...one.options, maxRatePerPartition: 500 } };
    const none = records(slow).pipe(
      map((batch) => batch.withPartitions((): readonly Message[] => [])),
      send(one, one.kafka),
    );
    await untilCommitted(one, none, [200]);
    expect(await written(one)).toEqual([]);
  });

  it('writes the records of united streams of one source', async () => {
    const one = await job(1, 20);
    const source = records(one).pipe(share());
    const united = source.pipe(
      mapRecords((value) => `a ${value}`),
      unionBatches(source.pipe(mapRecords((value) => `b ${value}`))),
    );
    await untilCommitted(one, united.pipe(mapRecords(message), send(one, one.kafka)), [20]);
    const values = inputValues(1, 20).flat();
    const expected = [...values.map((value) => `a ${value}`), ...values.map((value) => `b ${value}`)];
    expect([...((await written(one)) ?? [])].sort()).toEqual(expected.sort());
  });

  it('commits nothing while another output of the batch is still writing', async () => {
    const one = await job(1, 5);
    let transactions = 0;
    const counted = withProducer(one.kafka, (producer) => ({
      transaction: async () => {
        const transaction = await producer.transaction();
        const commit = () => {
          transactions++;
          return transaction.commit();
        };
        return { ...transaction, commit };
      },
    }));
    const lines = records(one).pipe(share());
    let committedWhileWriting: readonly number[] | undefined;
    const both = merge(
      lines.pipe(mapRecords(message), send(one, counted)),
      lines.pipe(
        foreachBatch(async (values) => {
          if (values.length === 0) return;
          await otherTransaction(one.kafka);
          committedWhileWriting = await committedOffsets(one.kafka, one.groupId, one.input);
          expect(transactions).toBe(0);
        }),
      ),
    );
    await untilCommitted(one, both, [5]);
    expect(committedWhileWriting).toEqual([-1]);
    expect(transactions).toBeGreaterThan(0);
    expect(await written(one)).toEqual(inputValues(1, 5)[0]);
  });

  it('shares one producer and one transaction a batch among the outputs of a stream', async () => {
    const one = await job(1, 20);
    const other = await makeTopic(one.kafka, 1);
    const ids: (string | undefined)[] = [];
    const noted = withProducer(one.kafka, (_, id) => {
      ids.push(id);
      return {};
    });
    const lines = records(one).pipe(share());
    const isEven = (value: string | null) => Number(value?.split(' ')[1]) % 2 === 0;
    const both = merge(
      lines.pipe(filterRecords(isEven), mapRecords(message), send(one, noted)),
      lines.pipe(
        filterRecords((value) => !isEven(value)),
        mapRecords((value) => ({ ...message(value), topic: other })),
        sendToKafka(noted, { groupId: one.groupId }),
      ),
    );
    await untilCommitted(one, both, [20]);
    expect(ids).toEqual([one.groupId]);
    const all = inputValues(1, 20).flat();
    expect(await written(one)).toEqual(all.filter(isEven));
    expect(valuesOf(await outputOf(other, 1))[0]).toEqual(all.filter((value) => !isEven(value)));
  });

  it('writes nothing where outputs of one group have different clients', async () => {
    const one = await job(1, 20);
    const lines = records(one).pipe(mapRecords(message), share());
    const both = merge(lines.pipe(send(one, one.kafka)), lines.pipe(send(one, newKafka())));
    await expect(lastValueFrom(both)).rejects.toThrow(
      /groupId \(".*"\) is that of another output of this stream with another client/,
    );
    expect(await written(one)).toEqual([]);
  });

  it('does not fail again by itself after an error', async () => {
    const one = await job(2, 400);
    const slow = { ...one, options: { ...one.options, maxRatePerPartition: 400 } };
    const errors: string[] = [];
    let batches = 0;
    let failure = new Subject<never>();
    const injected = defer(() => {
      failure = new Subject();
      return failure;
    });
    const stream = merge(records(slow).pipe(mapRecords(message), send(one, one.kafka)), injected).pipe(
      map((batch) => {
        // While the transaction of this batch is under way.
        if (++batches % 7 === 0) setTimeout(() => failure.error(new Error('injected')), batches % 5);
        return batch;
      }),
      retry({
        delay: (error: unknown) => {
          errors.push(error instanceof Error ? error.message : String(error));
          return [0];
        },
      }),
    );
    await untilCommitted(one, stream, [400, 400]);
    expect(errors.length).toBeGreaterThan(2);
    expect(new Set(errors)).toEqual(new Set(['injected']));
    expect([...((await written(one)) ?? [])].sort()).toEqual(inputValues(2, 400).flat().sort());
  });

  it('begins where the last transaction of its former life ends, though that is still under way', async () => {
    const one = await job(1, 5);
    const errors: string[] = [];
    const injected = new Subject<never>();
    let commits = 0;
    const slow = withProducer(one.kafka, (producer) => ({
      transaction: async () => {
        const transaction = await producer.transaction();
        const commit = async () => {
          if (commits++ === 0) {
            const more = Array.from({ length: 5 }, (_, i) => ({ partition: 0, value: `0 ${5 + i}` }));
            await produce(one.kafka, one.input, [more]);
            injected.error(new Error('injected'));
            // Long enough for the next life to read offsets that are about to change.
            await new Promise((resolve) => setTimeout(resolve, 3_000));
          }
          return transaction.commit();
        };
        return { ...transaction, commit };
      },
    }));
    const stream = defer(() =>
      merge(records(one).pipe(mapRecords(message), send(one, slow)), errors.length === 0 ? injected : NEVER),
    ).pipe(
      retry({
        delay: (error: unknown) => {
          errors.push(error instanceof Error ? error.message : String(error));
          return [0];
        },
      }),
    );
    await untilCommitted(one, stream, [10]);
    expect(errors).toEqual(['injected']);
    expect(await written(one)).toEqual(inputValues(1, 10)[0]);
  });

  it('refuses a client whose producers it cannot write through', async () => {
    const one = await job(1, 1);
    const foreign = { ...one.kafka, producer: (config?: ProducerConfig) => one.kafka.producer(config) } as Kafka;
    const written = records(one).pipe(mapRecords(message), send(one, foreign));
    await expect(lastValueFrom(written)).rejects.toMatchObject({
      code: 'UNSUPPORTED_CLIENT',
      message: expect.stringContaining('its `producer` is not called on the client that the library passes as `this`'),
    });
  });

  it('takes one id for windows and state, whether a batch has records or not', async () => {
    const one = await job(2, 30);
    const ids = new Set<string | undefined>();
    const noted = withProducer(one.kafka, (_, id) => {
      ids.add(id);
      return {};
    });
    const slow = { ...one, options: { ...one.options, maxRatePerPartition: 250 } };
    let batches = 0;
    const some = records(slow).pipe(
      transformBatch((values) => (batches++ % 2 === 0 ? values : [])),
      mapRecords(message),
      send(one, noted),
    );
    await untilCommitted(one, some, [30, 30]);
    expect([...ids]).toEqual([one.groupId]);
  });

  it('takes an id for each stream that divides a topic by hand', async () => {
    const one = await job(3, 40);
    const ids = new Set<string | undefined>();
    const noted = withProducer(one.kafka, (_, id) => {
      ids.add(id);
      return {};
    });
    const { topics: _, ...options } = one.options as Options & { readonly topics: unknown };
    const reads = (...of: readonly number[]) =>
      kafkaBatches(one.kafka, {
        ...options,
        partitions: of.map((partition) => ({ topic: one.input, partition })),
        maxRatePerPartition: 250,
      }).pipe(mixed, mapRecords(message), send(one, noted));
    await untilCommitted(one, merge(reads(0), reads(2, 1)), [40, 40, 40]);
    expect([...((await written(one)) ?? [])].sort()).toEqual(inputValues(3, 40).flat().sort());
    // The first is that of earlier versions: nothing is written under it any more.
    const [first, ...own] = [...ids];
    expect(first).toBe(one.groupId);
    expect(own.sort()).toEqual([0, 1].map((partition) => `${one.groupId}-${one.input}-${partition}`));
  });

  it('fences a stream of an earlier version that was given the same partitions', async () => {
    const one = await job(1, 5);
    const { topics: _, ...options } = one.options as Options & { readonly topics: unknown };
    const before = await earlier(one, one.groupId, 5);
    const stream = kafkaBatches(one.kafka, { ...options, partitions: [{ topic: one.input, partition: 0 }] });
    const sent = new Promise<void>((resolve) => {
      void untilCommitted(one, stream.pipe(mapRecords(message), send(one, one.kafka)), [5]).then(resolve);
    });
    await sent;
    await expect(before.commit()).rejects.toMatchObject({ type: expect.stringMatching(/EPOCH|FENCED/) });
    expect(await written(one)).toEqual(inputValues(1, 5)[0]);
  });
});
