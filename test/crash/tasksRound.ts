import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { kafkaPartitioner } from 'dstream';
import type { Admin, Producer } from 'kafkajs';
import { Client } from 'pg';
import { committedPartitions } from '../support/committedPartitions.js';
import { createTopics } from '../support/createTopics.js';
import { judgeTasks, type TasksVerdict } from './judgeTasks.js';
import { newKafka } from './kafkaLog.js';
import { readTasksTopic } from './readTasksTopic.js';
import { randomOf } from './records.js';
import { TasksSlot } from './tasksSlot.js';

/** What a process that shares tasks is told. */
export interface TasksSetup {
  readonly brokers: string;
  readonly topic: string;
  readonly groupId: string;
  /** The table or topic that it writes to. */
  readonly output: string;
  /** `'table'` and `'topic'` with the state in PostgreSQL, `'kafka'` with everything in Kafka. */
  readonly to: 'kafka' | 'table' | 'topic';
  readonly sessionTimeout: number;
  readonly instanceId?: string;
  /** Saves without asking whether another owns the task by now, to see that the judge finds it. */
  readonly unfenced?: boolean;
}

export interface TasksRoundOptions extends Pick<TasksSetup, 'brokers' | 'to' | 'unfenced' | 'sessionTimeout'> {
  readonly child: string;
  readonly postgresUrl: string;
  readonly processes: number;
  readonly partitions: number;
  /** How long there are accidents, in seconds. */
  readonly seconds: number;
  readonly seed: number;
}

/** What happened to the processes. */
export interface TasksAccidents {
  /** SIGKILLs, by the moment: `POINT@NTH`, where the process was for the nth time, or any. */
  readonly kills: Record<string, number>;
  /** SIGSTOPs for longer than a session, by the moment. */
  readonly stops: Record<string, number>;
  graceful: number;
  joins: number;
}

export interface TasksRound {
  readonly accidents: TasksAccidents;
  readonly verdict: TasksVerdict;
  readonly faults: readonly string[];
}

const keys = Array.from({ length: 40 }, (_, i) => `key${i}`);
const sendEveryMs = 100;
const maxRecordsPerSend = 24;
/** How much longer there are accidents where a process is yet to get to a moment that comes when tasks have moved often. */
const graceMs = 100_000;
/** How long the processes may take, once nothing happens to them any more, until all is worked off. */
const settleSeconds = 900;

/** Disturbs several processes that share the tasks of a topic for a while, lets them work off what is left, and judges what they wrote. */
export async function tasksRound(options: TasksRoundOptions): Promise<TasksRound> {
  const { brokers, to, postgresUrl, processes, partitions, seconds, sessionTimeout, seed, unfenced } = options;
  const random = randomOf(seed);
  const kafka = newKafka(brokers);
  const admin = kafka.admin();
  const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
  const client = new Client({ connectionString: postgresUrl });
  // Servers that stop end the round: what it fails with first says why.
  client.on('error', () => {});
  const name = `tasks_${randomUUID().replaceAll('-', '')}`;
  const faults: string[] = [];
  await Promise.all([admin.connect(), producer.connect(), client.connect()]);
  const topics = [{ topic: name, numPartitions: partitions }, ...(to === 'table' ? [] : [{ topic: `${name}_out` }])];
  await createTopics(admin, topics);
  const output = to === 'table' ? name : `${name}_out`;
  if (to === 'table') await client.query(`create table ${name} (name text, lines jsonb)`);
  const setup = { brokers, topic: name, groupId: name, output, to, sessionTimeout, ...(unfenced && { unfenced }) };
  const accidents: TasksAccidents = { kills: {}, stops: {}, graceful: 0, joins: 0 };
  const slots: TasksSlot[] = Array.from({ length: processes }, (_, i) => {
    const isStatic = i % 2 === 1;
    const own = { ...setup, ...(isStatic && { instanceId: `pod-${i}` }) };
    const isRareAwaited = () => slots.some((one) => one.isRareAwaited);
    return new TasksSlot({ child: options.child, setup: own, postgresUrl, random, accidents, faults, isRareAwaited });
  });
  const sender = new Sender(producer, name, partitions, random);
  try {
    for (const slot of slots) slot.start();
    const until = performance.now() + seconds * 1_000;
    while (performance.now() < until + graceMs && faults.length === 0) {
      const isRareAwaited = slots.some((one) => one.isRareAwaited && one.isAwaited);
      if (performance.now() > until && !isRareAwaited) break;
      await sleep(200 + random() * (isRareAwaited ? 500 : 2_000));
      // A process that has not begun to work is not at any moment of its work, and one that is awaited at its point is to get there.
      const working = slots.filter((one) => one.isWorking && (one.isToEnd || !one.isAwaited));
      const leaving = working.filter((one) => one.leaves);
      const ending = isRareAwaited && random() < 0.9 ? leaving : working;
      const slot = ending[Math.floor(random() * ending.length)];
      const what = random();
      // Tasks move at once when a process leaves, and again when it comes back.
      if (slot?.isToEnd || ending === leaving) slot?.end();
      else if (what < 0.55) slot?.kill();
      else if (what < 0.75) slot?.stop();
      else slot?.end();
    }
    await sender.end();
    for (const slot of slots) slot.settle();
    const ends = await endsOf(admin, name);
    const deadline = performance.now() + settleSeconds * 1_000;
    while ((await committedOf(admin, name, name)) < ends.reduce((a, b) => a + b, 0)) {
      if (performance.now() > deadline) {
        faults.push(`not worked off after ${settleSeconds} s: ${await committedOf(admin, name, name)} of ${ends}`);
        break;
      }
      await sleep(500);
    }
    // Windows and states go on for a while.
    await sleep(sessionTimeout);
    await Promise.all(slots.map((slot) => slot.close()));
    const written = to === 'table' ? await readTable(client, name) : await readTasksTopic(brokers, output);
    return { accidents, verdict: judgeTasks(written, ends), faults };
  } finally {
    await sender.end();
    await Promise.all(slots.map((slot) => slot.close()));
    await client.query(`drop table if exists ${name}`);
    const made = [...topics.map(({ topic }) => topic), ...(to === 'kafka' ? [`${name}_state`] : [])];
    await admin.deleteTopics({ topics: made }).catch(() => {});
    await Promise.all([admin.disconnect(), producer.disconnect(), client.end()]);
  }
}

/** Sends records to the partitions of their keys, until it ends. */
class Sender {
  #ending = false;
  readonly #sending: Promise<void>;

  constructor(producer: Producer, topic: string, partitions: number, random: () => number) {
    const send = async () => {
      while (!this.#ending) {
        const messages = Array.from({ length: Math.floor(random() * maxRecordsPerSend) }, () => {
          const key = keys[Math.floor(random() * keys.length)] as string;
          return { key, value: null, partition: kafkaPartitioner(key, partitions) };
        });
        if (messages.length > 0) await producer.send({ topic, messages });
        await sleep(sendEveryMs);
      }
    };
    this.#sending = send();
  }

  async end(): Promise<void> {
    this.#ending = true;
    await this.#sending;
  }
}

/** Asks again when a broker on a busy machine does not know at the moment. */
async function again<R>(ask: () => Promise<R>): Promise<R> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await ask();
    } catch (error) {
      if (attempt === 100) throw error;
      await sleep(500);
    }
  }
}

async function endsOf(admin: Admin, topic: string): Promise<readonly number[]> {
  const offsets = await again(() => admin.fetchTopicOffsets(topic));
  return offsets.sort((a, b) => a.partition - b.partition).map(({ high }) => Number(high));
}

async function committedOf(admin: Admin, groupId: string, topic: string): Promise<number> {
  const found = await committedPartitions(admin, groupId, topic);
  return found.reduce((sum, { offset }) => sum + Math.max(Number(offset), 0), 0);
}

async function readTable(client: Client, table: string) {
  const { rows } = await client.query<{ name: string; lines: string[] }>(`select name, lines from ${table}`);
  return rows.map(({ name, lines }) => [name, lines] as const);
}
