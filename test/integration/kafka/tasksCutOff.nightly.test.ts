// A process that shares tasks is cut off from one of its servers, and the network heals again.
import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { foreachPartition, type GroupEvent, kafkaPartitioner, type RecordView } from 'dstream';
import { kafkaTasks } from 'dstream/kafka';
import { foreachBatchInTransaction, type PostgresCheckpoint, postgresCheckpoint } from 'dstream/node';
import { Kafka, logLevel } from 'kafkajs';
import { Pool } from 'pg';
import { mergeMap, retry, type Subscription } from 'rxjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FaultyProxy } from '../../support/faultyProxy.js';
import { brokers, describeKafka, makeTopic, newKafka, produce } from '../../support/kafka.js';
import { newName, newPool, postgresUrl } from '../../support/postgres.js';

const kafka = newKafka();
const partitions = 4;
const messages = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => {
    const key = `key${(from + i) % 20}`;
    return { key, partition: kafkaPartitioner(key, partitions), value: String(from + i) };
  });

/** Sockets to Kafka that can be cut: none is opened meanwhile. */
class Wire {
  cut = false;
  readonly #sockets = new Set<ReturnType<typeof connect>>();

  readonly factory = ({ host, port, onConnect }: { host: string; port: number; onConnect: () => void }) => {
    const socket = connect({ host, port }, onConnect);
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    if (this.cut) socket.destroy(new Error('cut'));
    return socket;
  };

  break(): void {
    this.cut = true;
    for (const socket of this.#sockets) socket.destroy(new Error('cut'));
  }
}

// A session is six seconds at least.
const describeBoth = postgresUrl === '' ? describe.skip : describeKafka;
describeBoth('a process that shares tasks', () => {
  const table = newName();
  const pool = newPool(16);
  const running: Subscription[] = [];
  let topic = '';
  beforeEach(async () => {
    await pool.query(`create table if not exists ${table} (value text)`);
    topic = await makeTopic(kafka, partitions);
  });
  afterEach(async () => {
    for (const one of running.splice(0)) one.unsubscribe();
    await pool.query(`drop table if exists ${table}`);
  });

  function start(groupId: string, client: Kafka, own: Pool) {
    const events: GroupEvent[] = [];
    const heard: (() => void)[] = [];
    let restarts = 0;
    const tasks = kafkaTasks<string, PostgresCheckpoint>(client, {
      topics: [topic],
      groupId,
      sessionTimeout: 6_000,
      heartbeatInterval: 500,
      start: 'earliest',
      interval: 200,
      deserialize: (view: RecordView) => view.valueText() ?? '',
      checkpoint: ({ id }) => postgresCheckpoint(own, { job: `${groupId}/${id}` }),
      groupObserver: {
        next: (event) => {
          events.push(event);
          for (const listen of heard.splice(0)) listen();
        },
      },
    });
    running.push(
      tasks
        .pipe(
          mergeMap((task) =>
            task.pipe(
              foreachBatchInTransaction(task.checkpoint, (transaction, values) =>
                transaction.query(`insert into ${table} (value) select * from unnest($1::text[])`, [values]),
              ),
              foreachPartition(() => {}),
              retry({
                delay: () => {
                  restarts++;
                  return new Promise((resolve) => setTimeout(resolve, 500));
                },
              }),
            ),
          ),
        )
        .subscribe(),
    );
    const held = () => {
      const tasks = new Set<string>();
      for (const { type, tasks: ids } of events) {
        for (const id of ids) {
          if (type === 'assigned') tasks.add(id);
          if (type === 'released' || type === 'lost') tasks.delete(id);
        }
      }
      return tasks.size;
    };
    const until = async (holds: () => boolean) => {
      while (!holds()) await new Promise<void>((resolve) => heard.push(resolve));
    };
    return { events, held, until, restarts: () => restarts };
  }

  async function untilWritten(count: number): Promise<void> {
    const { rows } = await pool.query(`select value from ${table}`);
    const values = rows.map(({ value }) => Number(value)).sort((a, b) => a - b);
    if (values.length < count) return untilWritten(count);
    expect(values).toEqual(Array.from({ length: count }, (_, i) => i));
  }

  it('cut off from Kafka loses its tasks after a session, and has them again when it is back', async () => {
    const groupId = randomUUID();
    const wire = new Wire();
    const cut = new Kafka({ clientId: 'cut', brokers, logLevel: logLevel.NOTHING, socketFactory: wire.factory });
    const [first, second] = [start(groupId, cut, pool), start(groupId, newKafka(), pool)];
    await second.until(() => second.held() === partitions / 2);
    await produce(kafka, topic, [messages(0, 100)]);
    await untilWritten(100);
    wire.break();
    await produce(kafka, topic, [messages(100, 100)]);
    await second.until(() => second.held() === partitions);
    await untilWritten(200);
    await first.until(() => first.events.some(({ type }) => type === 'lost'));
    wire.cut = false;
    await first.until(() => first.held() === partitions / 2);
    await produce(kafka, topic, [messages(200, 100)]);
    await untilWritten(300);
  });

  it('cut off from PostgreSQL keeps its tasks, and goes on with them when it is back', async () => {
    const groupId = randomUUID();
    const url = new URL(postgresUrl);
    const proxy = await FaultyProxy.start(Number(url.port), { protocol: 'raw' });
    url.port = String(proxy.port);
    const own = new Pool({ connectionString: url.href, max: 8 });
    own.on('error', () => {});
    try {
      const [first, second] = [start(groupId, newKafka(), own), start(groupId, newKafka(), pool)];
      await second.until(() => second.held() === partitions / 2);
      await first.until(() => first.held() === partitions / 2);
      await produce(kafka, topic, [messages(0, 100)]);
      await untilWritten(100);
      await proxy.refuse();
      await produce(kafka, topic, [messages(100, 100)]);
      while (first.restarts() < 3) await new Promise((resolve) => setTimeout(resolve, 50));
      await proxy.listen();
      await untilWritten(200);
      expect(first.held()).toBe(partitions / 2);
      expect(first.events.map(({ type }) => type)).not.toContain('lost');
    } finally {
      for (const one of running.splice(0)) one.unsubscribe();
      await own.end();
      await proxy.close();
    }
  });
});
