import { randomUUID } from 'node:crypto';
import {
  type BatchInfo,
  type BatchStream,
  foreachBatch,
  memoryCheckpoint,
  type RecordView,
  type StreamMonitor,
  string,
} from 'dstream';
import { type KafkaBatchesOptions, kafkaBatches, kafkaTasksFrom } from 'dstream/kafka';
import type { Kafka } from 'kafkajs';
import { filter, firstValueFrom, lastValueFrom, merge, mergeMap, ReplaySubject, Subject } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KafkaCluster, startKafka, whyNoBroker } from '../../../scripts/kafka-broker.mjs';
import { kafkajsPort } from '../../../src/sources/kafka/kafkajs/kafkajsPort.js';
import {
  encodeFindCoordinator,
  readFindCoordinatorResponse,
} from '../../../src/sources/kafka/protocol/findCoordinatorProtocol.js';
import { untilLed } from '../../support/createTopics.js';
import { FaultyProxy } from '../../support/faultyProxy.js';
import { committedOffsets, makeTopic, newKafka, produce } from '../../support/kafka.js';
import { itNightly } from '../../support/nightly.js';

const timeout = 600_000;

/** A stream that is read until the test has seen enough. */
class Reading {
  readonly values: string[] = [];
  readonly infos: BatchInfo[] = [];
  readonly #changed = new Subject<void>();
  readonly #stream: BatchStream<string>;
  error: unknown;

  constructor(brokers: string, options: Partial<KafkaBatchesOptions<string>>) {
    const kafka = newKafka({ brokers: brokers.split(','), requestTimeout: 5_000, retry: { retries: 1 } });
    this.#stream = kafkaBatches<string>(kafka, {
      start: 'earliest',
      interval: 100,
      discoverInterval: 500,
      deserialize: (view) => view.valueText() ?? '',
      batchObserver: {
        next: (info) => {
          this.infos.push(info);
          this.#changed.next();
        },
      },
      ...options,
    } as KafkaBatchesOptions<string>);
    this.#stream.pipe(foreachBatch((records) => void this.values.push(...records))).subscribe({
      error: (error) => {
        this.error = error;
        this.#changed.next();
      },
    });
  }

  get unavailable() {
    return this.infos.at(-1)?.inputs.kafka?.unavailable ?? [];
  }

  async until(enough: () => boolean): Promise<void> {
    if (!enough() && this.error === undefined) {
      await firstValueFrom(this.#changed.pipe(filter(() => enough() || this.error !== undefined)));
    }
    if (this.error !== undefined) throw this.error;
  }

  stop(): Promise<unknown> {
    return this.#stream.stop();
  }
}

const fetchKey = 1;

/** The node id of the coordinator of a group. */
async function coordinatorOf(kafka: Kafka, groupId: string): Promise<number> {
  const port = kafkajsPort(kafka);
  await port.connect();
  const request = {
    apiKey: 10,
    apiVersion: 2,
    apiName: 'FindCoordinator',
    bytes: encodeFindCoordinator(groupId, 'group'),
  };
  const { nodeId } = await port.request('1', request, readFindCoordinatorResponse);
  port.disconnect();
  return nodeId;
}

const valuesOf = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}-${i}`);

// Needs a cluster of its own, whose brokers it may kill, and whose clients find them behind proxies.
describe.skipIf(whyNoBroker())('brokers that are away', () => {
  let cluster: KafkaCluster;
  const proxies: FaultyProxy[] = [];
  const direct = () => newKafka({ brokers: cluster.brokers.split(','), retry: { retries: 20, maxRetryTime: 2_000 } });
  /** A topic whose partitions have one replica each, on brokers 1, 2, 3. */
  const spread = () =>
    makeTopic(direct(), 3, {
      numPartitions: -1,
      replicationFactor: -1,
      replicaAssignment: [0, 1, 2].map((partition) => ({ partition, replicas: [partition + 1] })),
    });
  const send = (topic: string, partition: number, prefix: string) =>
    produce(direct(), topic, [valuesOf(prefix, 3).map((value) => ({ partition, value }))]);

  beforeAll(async () => {
    cluster = await startKafka({
      nodes: 3,
      proxy: async (port) => {
        const proxy = await FaultyProxy.start(port);
        proxies.push(proxy);
        return proxy.port;
      },
    });
  }, 600_000);
  afterAll(async () => {
    await Promise.all(proxies.map((proxy) => proxy.close()));
    await cluster?.stop();
  }, 600_000);

  const proxyOf = (node: number) =>
    proxies.find(({ port }) => port === Number(cluster.proxiedBrokers.split(',')[node]?.split(':')[1])) as FaultyProxy;

  it.each([
    ['refuses connections', (proxy: FaultyProxy) => proxy.refuse(), (proxy: FaultyProxy) => proxy.listen()],
    [
      'is silent',
      async (proxy: FaultyProxy) => {
        proxy.swallow = 'both';
      },
      async (proxy: FaultyProxy) => {
        proxy.heal();
        proxy.cutAll();
      },
    ],
  ])('one that %s stops its own partitions, and no others', { timeout }, async (_, leave, comeBack) => {
    const topic = await spread();
    for (const partition of [0, 1, 2]) await send(topic, partition, `before-${partition}`);
    const reading = new Reading(cluster.proxiedBrokers, { topics: [topic] });
    await reading.until(() => reading.values.length === 9);

    await leave(proxyOf(2));
    await reading.until(() => reading.unavailable.length > 0);
    expect(reading.unavailable).toMatchObject([{ topic, partition: 2, error: { retriable: true } }]);
    for (const partition of [0, 1, 2]) await send(topic, partition, `away-${partition}`);
    await reading.until(() => reading.values.length === 15);
    expect(reading.values.slice(9).sort()).toEqual([...valuesOf('away-0', 3), ...valuesOf('away-1', 3)]);

    await comeBack(proxyOf(2));
    await reading.until(() => reading.values.length === 18);
    expect(reading.values.slice(15)).toEqual(valuesOf('away-2', 3));
    await reading.until(() => reading.unavailable.length === 0);
    await reading.stop();
  });

  it.each([
    ['is silent', (proxy: FaultyProxy) => Object.assign(proxy, { swallow: 'both' })],
    [
      'answers no fetch, and everything else',
      (proxy: FaultyProxy) => {
        proxy.tamper = ({ apiKey }) => (apiKey === fetchKey ? { bytes: Buffer.alloc(0), after: 'silence' } : undefined);
      },
    ],
  ])(
    'each in turn %s: the others go on in a group, whose coordinator is one of them',
    { timeout },
    async (_, leave) => {
      const topic = await spread();
      const groupId = `group-of-${topic}`;
      const reading = new Reading(cluster.proxiedBrokers, { topics: [topic], groupId, retryTimeout: timeout });
      const sent = new Set<string>();
      const sendRound = async (round: string) => {
        for (const partition of [0, 1, 2]) {
          await send(topic, partition, `${round}-${partition}`);
          for (const value of valuesOf(`${round}-${partition}`, 3)) sent.add(value);
        }
      };
      const has = (value: string) => reading.values.includes(value);
      await sendRound('before');
      await reading.until(() => [...sent].every(has));
      for (const lost of [0, 1, 2]) {
        leave(proxyOf(lost));
        // Twice: the batch that is planned when it is lost, and those after it.
        for (const round of [`lost-${lost}`, `still-${lost}`]) {
          await sendRound(round);
          const healthy = [0, 1, 2].filter((partition) => partition !== lost);
          await reading.until(() => healthy.every((partition) => valuesOf(`${round}-${partition}`, 3).every(has)));
        }
        expect(has(`still-${lost}-${lost}-0`)).toBe(false);
        proxyOf(lost).heal();
        proxyOf(lost).cutAll();
        await reading.until(() => [...sent].every(has));
      }
      expect([...reading.values].sort()).toEqual([...sent].sort());
      await reading.stop();
      expect(await committedOffsets(direct(), groupId, topic)).toEqual([21, 21, 21]);
    },
  );

  it.each([
    ['is silent', (proxy: FaultyProxy) => Object.assign(proxy, { swallow: 'both' })],
    [
      'answers no fetch, and everything else',
      (proxy: FaultyProxy) => {
        proxy.tamper = ({ apiKey }) => (apiKey === fetchKey ? { bytes: Buffer.alloc(0), after: 'silence' } : undefined);
      },
    ],
  ])(
    'one that %s holds up no other source of a task, which has one partition of each',
    { timeout },
    async (_, leave) => {
      const groupId = randomUUID();
      const coordinator = await coordinatorOf(direct(), groupId);
      const [here, away] = [1, 2, 3].filter((broker) => broker !== coordinator) as [number, number];
      const topicOn = (broker: number) =>
        makeTopic(direct(), 1, {
          numPartitions: -1,
          replicationFactor: -1,
          replicaAssignment: [{ partition: 0, replicas: [broker] }],
        });
      const [left, right] = [await topicOn(here), await topicOn(away)];
      for (const topic of [left, right]) await send(topic, 0, 'before');
      const kafka = newKafka({
        brokers: cluster.proxiedBrokers.split(','),
        requestTimeout: 5_000,
        retry: { retries: 1 },
      });
      const source = (topic: string) =>
        ({ topics: [topic], start: 'earliest', deserialize: (view: RecordView) => view.valueText() ?? '' }) as const;
      const seen = { left: [] as string[], right: [] as string[] };
      let unavailable: unknown;
      const tasks = kafkaTasksFrom(
        kafka,
        { left: source(left), right: source(right) },
        {
          ...{ groupId, interval: 100, retryTimeout: timeout, stepTimeout: timeout },
          batchObserver: {
            next: ({ inputs }) => {
              unavailable = inputs.right?.unavailable;
            },
          },
        },
      );
      const failed = lastValueFrom(
        tasks.pipe(
          mergeMap(({ streams }) =>
            merge(
              streams.left.pipe(foreachBatch((records) => void seen.left.push(...records))),
              streams.right.pipe(foreachBatch((records) => void seen.right.push(...records))),
            ),
          ),
        ),
        { defaultValue: undefined },
      );
      const until = (enough: () => boolean) => Promise.race([failed, expect.poll(enough, { timeout }).toBe(true)]);
      await until(() => seen.left.length + seen.right.length === 6);
      leave(proxyOf(away - 1));
      for (const round of ['lost', 'still']) {
        for (const topic of [left, right]) await send(topic, 0, round);
        await until(() => seen.left.includes(`${round}-2`));
      }
      await until(() => unavailable !== undefined);
      expect(unavailable).toMatchObject([{ topic: right, partition: 0 }]);
      proxyOf(away - 1).heal();
      proxyOf(away - 1).cutAll();
      await until(() => seen.right.length === 9);
      for (const values of Object.values(seen)) {
        expect(values).toEqual(['before', 'lost', 'still'].flatMap((round) => valuesOf(round, 3)));
      }
      await tasks.stop();
      await failed;
    },
  );

  itNightly('a killed coordinator of a group stops its own partitions, and no others', { timeout }, async () => {
    // A topic for each broker: kafkajs writes to no topic that has a partition without a leader.
    const topics = await Promise.all(
      [1, 2, 3].map((broker) =>
        makeTopic(direct(), 1, {
          numPartitions: -1,
          replicationFactor: -1,
          replicaAssignment: [{ partition: 0, replicas: [broker] }],
        }),
      ),
    );
    const groupId = `group-of-${topics[0]}`;
    const reading = new Reading(cluster.proxiedBrokers, { topics, groupId, retryTimeout: timeout });
    const sendTo = (of: readonly (string | undefined)[], prefix: string) =>
      Promise.all(of.map((topic, i) => send(topic as string, 0, `${prefix}-${i}`)));
    await sendTo(topics, 'before');
    await reading.until(() => reading.values.length === 9);
    const coordinator = await coordinatorOf(direct(), groupId);
    const healthy = topics.filter((_, i) => i + 1 !== coordinator);
    const victim = cluster.nodes[coordinator - 1];
    await victim?.kill('SIGKILL');
    await sendTo(healthy, 'lost');
    await reading.until(() => reading.values.length === 15);
    await sendTo(healthy, 'still');
    await reading.until(() => reading.values.length === 21);
    await victim?.start();
    await sendTo([topics[coordinator - 1]], 'back');
    await reading.until(() => reading.values.length === 24);
    await reading.stop();
    for (const [i, topic] of topics.entries()) {
      expect(await committedOffsets(direct(), groupId, topic)).toEqual([i + 1 === coordinator ? 6 : 9]);
    }
  });

  it('one that is away at the start is read once it is back', { timeout }, async () => {
    const topic = await spread();
    for (const partition of [0, 1, 2]) await send(topic, partition, `p-${partition}`);
    await proxyOf(2).refuse();
    const reading = new Reading(cluster.proxiedBrokers, { topics: [topic] });
    await reading.until(() => reading.values.length === 6);
    expect(reading.unavailable).toMatchObject([{ topic, partition: 2 }]);
    await proxyOf(2).listen();
    await reading.until(() => reading.values.length === 9);
    expect(reading.values.slice(6)).toEqual(valuesOf('p-2', 3));
    await reading.stop();
  });

  it('do not matter to streams over other topics: neither to one that runs nor to one that starts', {
    timeout,
  }, async () => {
    const topic = await makeTopic(direct(), 3, { replicationFactor: 3 });
    const alone = await makeTopic(direct(), 1, {
      numPartitions: -1,
      replicationFactor: -1,
      replicaAssignment: [{ partition: 0, replicas: [3] }],
    });
    await send(topic, 0, 'first');
    const running = new Reading(cluster.proxiedBrokers, { topics: [topic] });
    await running.until(() => running.values.length === 3);
    const [, , victim] = cluster.nodes;
    await victim?.kill('SIGKILL');
    try {
      await send(topic, 0, 'second');
      await running.until(() => running.values.length === 6);
      const starting = new Reading(cluster.proxiedBrokers, { topics: [topic] });
      await starting.until(() => starting.values.length === 6);
      // Several times after it has looked for new topics and partitions.
      const seen = running.infos.length;
      await running.until(() => running.infos.length > seen + 20);
      await Promise.all([running.stop(), starting.stop()]);
    } finally {
      await victim?.start();
    }
    // A topic without a leader is in the way of kafkajs's own clients.
    const admin = direct().admin();
    await admin.connect();
    await untilLed(admin, alone);
    await admin.disconnect();
  });

  it('one of several topics that is deleted does not stop the others', { timeout }, async () => {
    const [one, other] = [await makeTopic(direct(), 1), await makeTopic(direct(), 1)];
    await send(one, 0, 'one');
    await send(other, 0, 'other');
    const reading = new Reading(cluster.proxiedBrokers, { topics: [new RegExp(`^(${one}|${other})$`)] });
    await reading.until(() => reading.values.length === 6);
    const admin = direct().admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [one] });
    await admin.disconnect();
    await reading.until(() => reading.unavailable.some(({ error }) => error.code === 'UNKNOWN_TOPIC'));
    await send(other, 0, 'later');
    await reading.until(() => reading.values.length === 9);
    expect(reading.values.slice(6)).toEqual(valuesOf('later', 3));
    await reading.stop();
  });

  it('a pattern leaves out internal topics, which are read by name', { timeout }, async () => {
    const topic = await makeTopic(direct(), 1);
    await send(topic, 0, 'mine');
    const consumer = direct().consumer({ groupId: `group-of-${topic}` });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      consumer.run({ eachMessage: async () => resolve() }).catch(reject);
    });
    await consumer.disconnect();
    const topics = (reading: Reading) =>
      new Set(reading.infos.flatMap((i) => i.inputs.kafka?.ranges ?? []).map((r) => r.topic));
    const all = new Reading(cluster.proxiedBrokers, { topics: [/.*/] });
    await all.until(() => all.values.includes('mine-2'));
    expect(topics(all)).toContain(topic);
    expect(topics(all)).not.toContain('__consumer_offsets');
    await all.stop();
    const named = new Reading(cluster.proxiedBrokers, { topics: ['__consumer_offsets'] });
    await named.until(() => named.infos.length > 0);
    expect(topics(named)).toContain('__consumer_offsets');
    await named.stop();
  });

  /** A batch over all partitions of a topic, with records of each, that is planned in the checkpoint and not complete. */
  const plannedBatch = async (topics: readonly string[]) => {
    const checkpoint = memoryCheckpoint();
    const kafka = newKafka({ brokers: cluster.brokers.split(',') });
    const planned = kafkaBatches(kafka, {
      topics,
      start: 'earliest',
      interval: 100,
      deserialize: string(),
      checkpoint,
    });
    const failure = planned.pipe(
      foreachBatch((records) => {
        if (records.length > 0) throw new Error('crash');
      }),
    );
    await expect(lastValueFrom(failure)).rejects.toThrow('crash');
    return checkpoint;
  };

  itNightly(
    'a batch planned over a partition that has no leader waits for it, and has all its records then',
    {
      timeout,
    },
    async () => {
      const topic = await spread();
      for (const partition of [0, 1, 2]) await send(topic, partition, `p-${partition}`);
      const checkpoint = await plannedBatch([topic]);
      const [, , victim] = cluster.nodes;
      await victim?.kill('SIGKILL');
      // For ever: the stream fails, after `retryTimeout`, with an error that says what is missing.
      const impatient = new Reading(cluster.brokers, { topics: [topic], checkpoint, retryTimeout: 2_000 });
      await expect(impatient.until(() => false)).rejects.toMatchObject({ retriable: true });
      expect(impatient.values).toEqual([]);
      // With `retry` it goes on when the partition is back.
      const restarts = new ReplaySubject<unknown>();
      const monitor: StreamMonitor = { run: () => ({ restarting: ({ error }) => restarts.next(error) }) };
      const patient = new Reading(cluster.brokers, {
        topics: [topic],
        checkpoint,
        retryTimeout: 2_000,
        retry: { delay: 100, maxDelay: 1_000 },
        monitors: [monitor],
      });
      expect(await firstValueFrom(restarts)).toMatchObject({ retriable: true });
      await victim?.start();
      await patient.until(() => patient.values.length === 9);
      expect([...patient.values].sort()).toEqual([0, 1, 2].flatMap((p) => valuesOf(`p-${p}`, 3)));
      expect(patient.infos[0]?.records).toBe(9);
      await patient.stop();
    },
  );

  it('a batch planned over a topic that was deleted fails, and goes on without it when it is read no more', {
    timeout,
  }, async () => {
    const [gone, kept] = [await makeTopic(direct(), 1), await makeTopic(direct(), 1)];
    await send(gone, 0, 'gone');
    await send(kept, 0, 'kept');
    const checkpoint = await plannedBatch([gone, kept]);
    const admin = direct().admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [gone] });
    await admin.disconnect();
    const failed = (options: Partial<KafkaBatchesOptions<string>>) =>
      expect(new Reading(cluster.brokers, { checkpoint, ...options }).until(() => false)).rejects;
    await failed({ topics: [gone, kept] }).toMatchObject({ code: 'UNKNOWN_TOPIC', topic: gone, retriable: false });
    await failed({ topics: [kept] }).toMatchObject({ code: 'UNKNOWN_TOPIC', retriable: false });
    const reading = new Reading(cluster.brokers, { topics: [kept], checkpoint, offsetOutOfRange: 'earliest' });
    await reading.until(() => reading.values.length === 3);
    expect(reading.values).toEqual(valuesOf('kept', 3));
    const lost = reading.infos.flatMap(({ inputs }) => inputs.kafka?.lost ?? []);
    expect(lost).toMatchObject([{ topic: gone, partition: 0, from: 0, until: 3 }]);
    await reading.stop();
  });

  // The last one: it leaves the cluster at another address.
  itNightly('one that comes back under another address is found by the bootstrap names', { timeout }, async () => {
    const topic = await makeTopic(direct(), 1, {
      numPartitions: -1,
      replicationFactor: -1,
      replicaAssignment: [{ partition: 0, replicas: [1] }],
    });
    await send(topic, 0, 'before');
    // A name that stays, as of a load balancer, while no broker is left where it was.
    const { target } = proxyOf(0);
    const name = await FaultyProxy.start(target);
    const moved = await FaultyProxy.start(target);
    proxies.push(name, moved);
    const reading = new Reading(name.address, { topics: [topic] });
    await reading.until(() => reading.values.length === 3);
    const [node] = cluster.nodes;
    await node?.kill('SIGKILL');
    await Promise.all([0, 1, 2].map((i) => proxyOf(i).refuse()));
    node?.advertise(moved.port);
    await node?.start();
    await send(topic, 0, 'after');
    await reading.until(() => reading.values.length === 6);
    expect(reading.values.slice(3)).toEqual(valuesOf('after', 3));
    expect(moved.seen.accepted).toBeGreaterThan(0);
    await reading.stop();
  });
});
