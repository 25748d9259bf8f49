// The broker that coordinates a group of processes that share tasks is killed: its own cluster, whose brokers a test may kill.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { foreachBatch, type GroupEvent, type RecordView } from 'dstream';
import { kafkaTasks } from 'dstream/kafka';
import { type Kafka, logLevel } from 'kafkajs';
import { mergeMap } from 'rxjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type KafkaCluster, startKafka, whyNoBroker } from '../../../scripts/kafka-broker.mjs';
import { kafkajsPort } from '../../../src/sources/kafka/kafkajs/kafkajsPort.js';
import {
  encodeFindCoordinator,
  readFindCoordinatorResponse,
} from '../../../src/sources/kafka/protocol/findCoordinatorProtocol.js';
import { committedOffsets, makeTopic, newKafka, produce } from '../../support/kafka.js';

async function coordinatorOf(kafka: Kafka, groupId: string): Promise<number> {
  const port = kafkajsPort(kafka);
  await port.connect();
  const bytes = encodeFindCoordinator(groupId, 'group');
  const request = { apiKey: 10, apiVersion: 2, apiName: 'FindCoordinator', bytes };
  const { nodeId } = await port.request('1', request, readFindCoordinatorResponse);
  port.disconnect();
  return nodeId;
}

describe.skipIf(whyNoBroker())('a killed coordinator', () => {
  let cluster: KafkaCluster;
  beforeAll(async () => {
    cluster = await startKafka({ nodes: 3 });
  }, 600_000);
  afterAll(() => cluster?.stop(), 600_000);

  const client = () =>
    newKafka({
      ...{ brokers: cluster.brokers.split(','), logLevel: logLevel.NOTHING },
      retry: { retries: 20, maxRetryTime: 2_000 },
    });

  it('leaves tasks with their owners: batches go on, and commits when there is a coordinator again', async () => {
    const groupId = randomUUID();
    let coordinator = 0;
    // A new cluster has no topic of offsets yet.
    while (coordinator < 1) {
      coordinator = await coordinatorOf(client(), groupId).catch(() => 0);
      await sleep(200);
    }
    const others = [1, 2, 3].filter((node) => node !== coordinator);
    const partitions = 4;
    const topic = await makeTopic(client(), partitions, {
      numPartitions: -1,
      replicationFactor: -1,
      replicaAssignment: Array.from({ length: partitions }, (_, partition) => {
        return { partition, replicas: [others[partition % 2] as number] };
      }),
    });
    const values: string[] = [];
    const events: (GroupEvent & { readonly process: string })[] = [];
    const start = (process: string) => {
      const tasks = kafkaTasks(client(), {
        ...{
          topics: [topic],
          groupId,
          start: 'earliest',
          interval: 100,
          sessionTimeout: 60_000,
          heartbeatInterval: 500,
        },
        deserialize: (view: RecordView) => view.valueText() ?? '',
        groupObserver: { next: (event) => events.push({ ...event, process }) },
      });
      let error: unknown;
      tasks.pipe(mergeMap((task) => task.pipe(foreachBatch((records) => void values.push(...records))))).subscribe({
        error: (thrown: unknown) => {
          error = thrown;
        },
      });
      return { tasks, failed: () => error };
    };
    const all = [start('first'), start('second')];
    const held = (process: string) => {
      const ids = new Set<string>();
      for (const { type, tasks } of events.filter((event) => event.process === process)) {
        for (const id of tasks) {
          if (type === 'assigned') ids.add(id);
          if (type === 'released' || type === 'lost') ids.delete(id);
        }
      }
      return [...ids].sort();
    };
    const owners = () => [held('first'), held('second')];
    const until = async (holds: () => boolean | Promise<boolean>) => {
      while (!(await holds())) {
        expect(all.map(({ failed }) => failed())).toEqual([undefined, undefined]);
        await sleep(50);
      }
    };
    const send = (prefix: string) =>
      produce(client(), topic, [
        Array.from({ length: 40 }, (_, i) => ({ partition: i % partitions, value: `${prefix}-${i}` })),
      ]);
    await until(() => owners().every(({ length }) => length === 2));
    await send('before');
    await until(() => values.length === 40);
    const before = owners();
    const heard = events.length;
    await cluster.nodes[coordinator - 1]?.kill('SIGKILL');
    await send('away');
    // Batches complete before they are committed.
    await until(() => values.length >= 80);
    await cluster.nodes[coordinator - 1]?.start();
    await send('back');
    const committed = async () =>
      (await committedOffsets(client(), groupId, topic).catch(() => [])).reduce((a, b) => a + b, 0);
    await until(async () => values.length >= 120 && (await committed()) === 120);
    expect(owners()).toEqual(before);
    expect(events.slice(heard).map(({ type }) => type)).not.toContain('lost');
    expect([...values].sort()).toEqual(
      ['before', 'away', 'back'].flatMap((prefix) => Array.from({ length: 40 }, (_, i) => `${prefix}-${i}`)).sort(),
    );
    await Promise.all(all.map(({ tasks }) => tasks.stop()));
  });
});
