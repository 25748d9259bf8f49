import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { foreachBatch, kafkaPartitioner, memoryCheckpoint, type RecordView, unionBatches } from 'dstream';
import { kafkaTasksFrom } from 'dstream/kafka';
import { lastValueFrom, merge, mergeMap } from 'rxjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildChild } from '../../crash/buildChild.js';
import { Child } from '../../support/childProcess.js';
import { brokers, committedOffsets, describeKafka, makeTopic, newKafka, produce } from '../../support/kafka.js';
import { outputOf, valuesOf } from '../../support/kafkaTopics.js';
import { nightly } from '../../support/nightly.js';
import { newName, newPool, postgresUrl } from '../../support/postgres.js';

const kafka = newKafka();
const partitions = 6;
const keys = 20;
/** A record is its key and its number. */
const messages = (from: number, count: number) =>
  Array.from({ length: count }, (_, i) => {
    const key = `key${(from + i) % keys}`;
    return { key, partition: kafkaPartitioner(key, partitions), value: `${key} ${from + i}` };
  });
const total = 1_200;
const expected = messages(0, total).map(({ value }) => value);
const byNumber = (a: string, b: string) => Number(a.split(' ')[1]) - Number(b.split(' ')[1]);

/** What a process holds, by what it has said. */
function tasksOf(child: Child): readonly string[] {
  const held = new Set<string>();
  for (const line of child.said) {
    const [, type = '', ids = ''] = line.split(' ');
    if (!line.startsWith('group ') || ids === '') continue;
    for (const id of ids.split(',')) {
      if (type === 'assigned') held.add(id);
      if (type === 'released' || type === 'lost') held.delete(id);
    }
  }
  return [...held];
}

async function until(holds: () => boolean, children: readonly Child[]): Promise<void> {
  while (!holds()) {
    const heard = children.map((child) => child.saysThat(() => true, child.said.length));
    await Promise.race(heard);
  }
}

describeKafka('kafkaTasks', () => {
  let file = '';
  beforeAll(async () => {
    file = await buildChild(new URL('../../support/tasksChild.ts', import.meta.url));
  });
  afterAll(() => rmSync(file, { force: true }));

  /**
   * Three processes share six tasks. One is killed, one is stopped for longer than its session and goes on, and when all tasks are owned
   * again one of the two that are left ends gracefully.
   */
  async function accidents(output: string, url = '', plain = '') {
    const input = await makeTopic(kafka, partitions);
    const groupId = randomUUID();
    await produce(kafka, input, [messages(0, total / 2)]);
    const start = (owner: string) => new Child(file, [brokers.join(','), input, output, groupId, owner, url, plain]);
    const all = [start('first'), start('second'), start('third')];
    const [first, second, third] = all as [Child, Child, Child];
    await until(() => all.every((child) => tasksOf(child).length === 2), all);
    await Promise.all(all.map((child) => child.says('writing')));
    await first.end();
    second.process.kill('SIGSTOP');
    await produce(kafka, input, [messages(total / 2, total / 2)]);
    await until(() => tasksOf(third).length === partitions, [third]);
    second.process.kill('SIGCONT');
    await second.says('group lost');
    await until(() => tasksOf(second).length === partitions / 2, [second, third]);
    third.process.kill('SIGTERM');
    await third.ended;
    await until(() => tasksOf(second).length === partitions, [second]);
    const failed = () => all.flatMap(({ said }) => said.filter((line) => line.startsWith('failed')));
    return { input, groupId, third, failed, end: () => Promise.all(all.map((child) => child.end())) };
  }

  it.concurrent('sendToKafka writes each record once, whatever happens to the processes', async () => {
    const output = await makeTopic(kafka, 1);
    const { input, groupId, third, failed, end } = await accidents(output);
    try {
      for (;;) {
        const [written = []] = valuesOf(await outputOf(output, 1));
        if (written.length < total) continue;
        expect([...written].sort(byNumber)).toEqual(expected);
        break;
      }
      expect(third.said).toContain('stopped');
      expect(failed()).toEqual([]);
      const offsets = await committedOffsets(kafka, groupId, input);
      expect(offsets.reduce((sum, offset) => sum + offset, 0)).toBe(total);
    } finally {
      await end();
    }
  });

  /** Waits until all records are in the output: each once, and the counts of each key grow to that of all its records. */
  async function untilAllOnce(output: string, count: number): Promise<void> {
    for (;;) {
      const [written = []] = valuesOf(await outputOf(output, 1));
      const records = written.filter((value) => !value.startsWith('count '));
      if (records.length < count) continue;
      expect(records.sort(byNumber)).toEqual(expected.slice(0, count));
      const counts = new Map<string, number>();
      for (const value of written.filter((value) => value.startsWith('count '))) {
        const [, key = '', many] = value.split(' ');
        expect(Number(many)).toBeGreaterThan(counts.get(key) ?? 0);
        counts.set(key, Number(many));
      }
      expect(counts).toEqual(new Map(Array.from({ length: keys }, (_, i) => [`key${i}`, count / keys])));
      return;
    }
  }

  it.concurrent('kafkaCheckpoint keeps state and results together, whatever happens to the processes', async () => {
    const output = await makeTopic(kafka, 1);
    const { input, groupId, failed, end } = await accidents(output, `state:test-state-${randomUUID()}`);
    try {
      await untilAllOnce(output, total);
      expect(failed()).toEqual([]);
      const offsets = await committedOffsets(kafka, groupId, input);
      expect(offsets.reduce((sum, offset) => sum + offset, 0)).toBe(total);
    } finally {
      await end();
    }
  });

  it.concurrent('a group that Kafka has forgotten begins with generation 1, and the checkpoints say where', async () => {
    const [input, output] = [await makeTopic(kafka, partitions), await makeTopic(kafka, 1)];
    const [groupId, state] = [randomUUID(), `state:test-state-${randomUUID()}`];
    const start = (owner: string) => new Child(file, [brokers.join(','), input, output, groupId, owner, state, '']);
    await produce(kafka, input, [messages(0, total / 2)]);
    const all = [start('first'), start('second')];
    await until(() => all.every((child) => tasksOf(child).length === partitions / 2), all);
    await untilAllOnce(output, total / 2);
    for (const child of all) child.process.kill('SIGTERM');
    await Promise.all(all.map(({ ended }) => ended));
    const admin = kafka.admin();
    await admin.connect();
    await admin.deleteGroups([groupId]);
    await admin.disconnect();
    await produce(kafka, input, [messages(total / 2, total / 2)]);
    const again = start('again');
    try {
      await untilAllOnce(output, total);
      expect(again.said.filter((line) => line.startsWith('failed'))).toEqual([]);
    } finally {
      await again.end();
    }
  });

  it.concurrent('several sources of one driver in each task, over two processes of which one ends', async () => {
    const topics = { clicks: await makeTopic(kafka, 3), users: await makeTopic(kafka, 3) };
    const groupId = randomUUID();
    const seen: string[] = [];
    const start = () => {
      const source = (topic: string) => {
        return {
          topics: [topic],
          start: 'earliest',
          deserialize: (view: RecordView) => view.valueText() ?? '',
        } as const;
      };
      const sources = { clicks: source(topics.clicks), users: source(topics.users) };
      const tasks = kafkaTasksFrom(newKafka(), sources, { groupId, interval: 100, heartbeatInterval: 200 });
      const held = new Set<string>();
      const ended = lastValueFrom(
        tasks.pipe(
          mergeMap(({ task, streams: { clicks, users } }) => {
            held.add(task.id);
            return clicks.pipe(
              unionBatches(users),
              foreachBatch((records) => void seen.push(...records.map((record) => `${task.id} ${record}`))),
            );
          }),
        ),
        { defaultValue: undefined },
      );
      return { tasks, held, ended };
    };
    const send = (from: number) =>
      Promise.all(
        Object.entries(topics).map(([name, topic]) =>
          produce(kafka, topic, [
            Array.from({ length: 30 }, (_, i) => ({ partition: (from + i) % 3, value: `${name} ${from + i}` })),
          ]),
        ),
      );
    const expected = (count: number) =>
      Object.keys(topics)
        .flatMap((name) => Array.from({ length: count }, (_, i) => `${i % 3} ${name} ${i}`))
        .sort();
    const [first, second] = [start(), start()];
    await send(0);
    while (seen.length < 60 || first.held.size === 0 || second.held.size === 0) await sleep(20);
    await first.tasks.stop();
    await first.ended;
    await send(30);
    while (seen.length < 120) await sleep(20);
    expect([...seen].sort()).toEqual(expected(60));
    await second.tasks.stop();
    await second.ended;
  });

  it.concurrent('a topic is read for each of two sources', async () => {
    const topic = await makeTopic(kafka, 2);
    const read = {
      topics: [topic],
      start: 'earliest',
      deserialize: (view: RecordView) => view.valueText() ?? '',
    } as const;
    const seen = { one: [] as string[], other: [] as string[] };
    const options = { groupId: randomUUID(), interval: 100, heartbeatInterval: 200 };
    const tasks = kafkaTasksFrom(
      newKafka(),
      { one: read, other: { ...read, maxRatePerPartition: 100 } },
      { ...options, checkpoint: () => memoryCheckpoint() },
    );
    const ended = lastValueFrom(
      tasks.pipe(
        mergeMap(({ streams: { one, other } }) =>
          merge(
            one.pipe(foreachBatch((records) => void seen.one.push(...records))),
            other.pipe(foreachBatch((records) => void seen.other.push(...records))),
          ),
        ),
      ),
      { defaultValue: undefined },
    );
    const values = Array.from({ length: 100 }, (_, i) => `${i}`);
    await produce(kafka, topic, [values.map((value, i) => ({ partition: i % 2, value }))]);
    await Promise.race([
      ended,
      (async () => {
        while (seen.one.length < 100 || seen.other.length < 100) await sleep(20);
      })(),
    ]);
    expect([[...seen.one].sort(), [...seen.other].sort()]).toEqual([[...values].sort(), [...values].sort()]);
    await tasks.stop();
    await ended;
  });

  const withPostgres = postgresUrl === '' ? it.skip : it.concurrent;
  withPostgres('foreachBatchInTransaction writes each record and each count once', async () => {
    const tables = await newTables();
    const { failed, end } = await accidents(tables.name, postgresUrl);
    try {
      await tables.until(total);
      expect((await tables.values()).sort(byNumber)).toEqual(expected);
      const counts = await tables.counts();
      expect(counts).toEqual(new Map(Array.from({ length: keys }, (_, i) => [`key${i}`, total / keys])));
      expect(failed()).toEqual([]);
    } finally {
      await end();
      await tables.drop();
    }
  });

  // The test can fail: what is written outside of the transaction is written again.
  const nightlyWithPostgres: typeof withPostgres | undefined = nightly ? withPostgres : undefined;
  nightlyWithPostgres?.('writes outside of the transaction are doubled', async () => {
    const tables = await newTables();
    const { end } = await accidents(tables.name, postgresUrl, 'plain');
    try {
      await tables.until(total);
      const values = await tables.values();
      expect(new Set(values).size).toBe(total);
      expect(values.length).toBeGreaterThan(total);
    } finally {
      await end();
      await tables.drop();
    }
  });
});

async function newTables() {
  const [pool, name] = [newPool(), newName()];
  await pool.query(`create table ${name} (value text)`);
  await pool.query(`create table ${name}_counts (key text, count int)`);
  const read = async <R>(query: string) => (await pool.query(query)).rows as R[];
  const distinct = async () => (await read<{ n: string }>(`select count(distinct value) n from ${name}`))[0]?.n;
  return {
    name,
    async until(count: number): Promise<void> {
      while (Number(await distinct()) < count);
    },
    values: async () => (await read<{ value: string }>(`select value from ${name}`)).map(({ value }) => value),
    async counts() {
      const rows = await read<{ key: string; count: number }>(
        `select key, max(count) count from ${name}_counts group by key order by length(key), key`,
      );
      return new Map(rows.map(({ key, count }) => [key, count]));
    },
    async drop(): Promise<void> {
      await pool.query(`drop table ${name}, ${name}_counts`);
      await pool.end();
    },
  };
}
