// What does a copy of kafkaCheckpoint's partition save when a process takes a large state over, and what does a batch write?
//
//   npm run bench -- copies [--keys N] [--rounds N] [--session MS] [--save]
//
// A task counts records by key, with its state in a Kafka that is started here. Its process is killed with SIGKILL, and another one takes the task
// over: in turn a standby that has followed it, one that finds the copy which the dead one left on the machine, and one without any. Before
// each kill one key in a hundred is touched. Bytes are those of all connections of a process to Kafka.
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Kafka, logLevel, type Producer } from 'kafkajs';
import { startKafka } from '../scripts/kafka-broker.mjs';
import { buildChild } from '../test/crash/buildChild.js';
import { createTopics } from '../test/support/createTopics.js';
import type { CopyLine, CopySetup } from './copies/child.js';
import { rowOf, writeResults } from './report.js';

const { values: options } = parseArgs({
  options: {
    keys: { type: 'string', default: '1000000' },
    rounds: { type: 'string', default: '2' },
    session: { type: 'string', default: '6000' },
    save: { type: 'boolean', default: false },
  },
});
const [keys, rounds] = [Number(options.keys), Number(options.rounds)];
const [interval, sessionTimeout] = [1_000, Number(options.session)];
const topic = 'clicks';
const perRequest = 10_000;

/** A process, with the lines that it has written. */
class Member {
  readonly lines: CopyLine[] = [];
  readonly startedAt = Date.now();
  readonly #process;

  constructor(file: string, setup: CopySetup) {
    const args = ['--max-old-space-size=6000', file, JSON.stringify(setup)];
    this.#process = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    createInterface({ input: this.#process.stdout }).on('line', (line) => this.lines.push(JSON.parse(line)));
  }

  async until(what: string, isThere: () => boolean): Promise<void> {
    for (const deadline = Date.now() + 900_000; !isThere(); await sleep(20)) {
      if (this.#process.exitCode !== null) throw new Error(`the process has ended: ${what}`);
      if (Date.now() > deadline) throw new Error(`a quarter of an hour is over: ${what}`);
    }
  }

  get records(): number {
    return this.lines.reduce((sum, { records }) => sum + records, 0);
  }

  async kill(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await ended;
  }
}

/** Touches one key in `each`. Returns how many. */
async function touch(producer: Producer, each: number): Promise<number> {
  let sent = 0;
  for (let from = 0; from < keys; from += perRequest * each) {
    const messages = [];
    for (let i = from; i < keys && messages.length < perRequest; i += each)
      messages.push({ key: `user-${i}`, value: null });
    await producer.send({ topic, messages });
    sent += messages.length;
  }
  return sent;
}

/** Bytes that the member writes to Kafka while one key in `each` is touched. */
async function writtenBy(member: Member, producer: Producer, each: number): Promise<number> {
  const before = { records: member.records, written: member.lines.at(-1)?.written ?? 0 };
  const sent = await touch(producer, each);
  await member.until(`it has ${sent} records`, () => member.records >= before.records + sent);
  return (member.lines.at(-1)?.written ?? 0) - before.written;
}

const kinds = ['a standby', 'a copy', 'neither'] as const;
type Kind = (typeof kinds)[number];

/** What a takeover came to, from when the task was assigned until its first batch with records was saved. */
interface Takeover {
  readonly ms: number;
  readonly sinceKill: number;
  readonly read: number;
  readonly processor: number;
  readonly heap: number;
  readonly buffers: number;
  readonly maxRss: number;
  readonly blocked: number;
  /** How often the group had removed it meanwhile. */
  readonly lost: number;
}

async function takenOver(member: Member, killedAt: number): Promise<Takeover> {
  const first = (says: CopyLine['says']) => member.lines.find((line) => line.says === says);
  await member.until('its first batch is saved', () => first('batch') !== undefined);
  const [assigned, batch] = [first('assigned'), first('batch')] as [CopyLine, CopyLine];
  const { heap, buffers, maxRss, blocked } = batch;
  const lost = member.lines.filter(({ says }) => says === 'lost').length;
  const takeover = { ms: batch.at - assigned.at, sinceKill: batch.at - killedAt, read: batch.read - assigned.read };
  return { ...takeover, processor: batch.processor - assigned.processor, heap, buffers, maxRss, blocked, lost };
}

/** Sends a record a tenth of an interval, so that each batch has some. */
function trickle(producer: Producer): () => Promise<void> {
  let ended = false;
  const running = (async () => {
    for (; !ended; await sleep(interval / 10))
      await producer.send({ topic, messages: [{ key: 'user-0', value: null }] });
  })();
  return () => {
    ended = true;
    return running;
  };
}

/** Whether the copy of a standby lacks little. */
const isCurrent = ({ says, records }: CopyLine) => says === 'behind' && records < perRequest;

async function main(): Promise<void> {
  const cluster = await startKafka({ longLived: true });
  const kafka = new Kafka({ brokers: cluster.brokers.split(','), logLevel: logLevel.NOTHING });
  const [admin, producer] = [kafka.admin(), kafka.producer()];
  const file = await buildChild(new URL('copies/child.ts', import.meta.url));
  const directory = mkdtempSync(join(tmpdir(), 'dstream-copies-'));
  const members: Member[] = [];
  try {
    await Promise.all([admin.connect(), producer.connect()]);
    await createTopics(admin, [{ topic, numPartitions: 1 }]);
    const setup = { brokers: cluster.brokers, topic, interval, sessionTimeout };
    const job = { ...setup, groupId: randomUUID(), stateTopic: `state-${randomUUID()}` };
    const start = (copy: string | undefined, standbys: number) => {
      const member = new Member(file, { ...job, copy: copy && join(directory, copy), standbys });
      members.push(member);
      return member;
    };
    let member = start('owner', 1);
    const written = { all: 0, hundredth: 0, thousandth: 0 };
    written.all = await writtenBy(member, producer, 1);
    console.log(`${keys} keys are there`);
    written.hundredth = await writtenBy(member, producer, 100);
    written.thousandth = await writtenBy(member, producer, 1_000);
    const taken: Record<Kind, Takeover[]> = { 'a standby': [], 'a copy': [], neither: [] };
    for (let round = 0; round < rounds; round++) {
      for (const kind of kinds) {
        // It follows while its owner works.
        const standby = kind === 'a standby' ? start('standby', 1) : undefined;
        await standby?.until('its copy is whole', () => standby.lines.some(isCurrent));
        await writtenBy(member, producer, 100);
        // What is written to copies after Kafka's commit, and when they look.
        await sleep(3 * interval);
        const killedAt = Date.now();
        await member.kill();
        member = standby ?? start(kind === 'a copy' ? 'standby' : undefined, 0);
        const end = trickle(producer);
        const takeover = await takenOver(member, killedAt);
        await end();
        taken[kind].push(takeover);
        console.log(kind, JSON.stringify(takeover));
      }
      if (round === rounds - 1) break;
      // The next round begins with an owner that has standbys.
      const killedAt = Date.now();
      await member.kill();
      member = start('owner', 1);
      const end = trickle(producer);
      await takenOver(member, killedAt);
      await end();
    }
    await member.kill();
    const of = (kind: Kind, part: keyof Takeover) => taken[kind].map((one) => one[part]);
    const median = (kind: Kind, part: keyof Takeover) => rowOf('', of(kind, part)).median;
    const parts: readonly (readonly [keyof Takeover, string])[] = [
      ['sinceKill', 'ms from the kill until a batch is saved'],
      ['ms', 'ms from the assignment until then'],
      ['processor', 'ms of processor time from the assignment'],
      ['blocked', 'ms for which the event loop was blocked at most'],
      ['read', 'bytes read from Kafka'],
      ['heap', 'bytes of heap then'],
      ['buffers', 'bytes of buffers then'],
      ['maxRss', 'bytes of memory at most'],
      ['lost', 'times that the group removed it'],
    ];
    const rows = parts.flatMap(([part, name]) => kinds.map((kind) => rowOf(`${name}, with ${kind}`, of(kind, part))));
    const due = sessionTimeout + 2 * interval;
    const ratios = {
      ...Object.fromEntries(
        kinds.map((kind) => [
          `kill until saved / session and two intervals, with ${kind}`,
          median(kind, 'sinceKill') / due,
        ]),
      ),
      'processor time, with a copy / neither': median('a copy', 'processor') / median('neither', 'processor'),
      'processor time, with a standby / neither': median('a standby', 'processor') / median('neither', 'processor'),
      'bytes read, with a copy / neither': median('a copy', 'read') / median('neither', 'read'),
      'bytes read, with a standby / neither': median('a standby', 'read') / median('neither', 'read'),
      'bytes written for a key, of 1 %': written.hundredth / Math.ceil(keys / 100),
      'bytes written for a key, of all': written.all / keys,
      'bytes written for 1 % of the keys / for all': written.hundredth / written.all,
      'bytes written for 0.1 % of the keys / for all': written.thousandth / written.all,
    };
    const more = { keys, rounds, interval, sessionTimeout, written, cores: availableParallelism() };
    writeResults('copies', { unit: 'as named', rows, ratios, ...more }, keys >= 1_000_000 || options.save);
  } finally {
    await Promise.allSettled(members.map((member) => member.kill()));
    await Promise.allSettled([admin.disconnect(), producer.disconnect()]);
    await cluster.stop();
    rmSync(file, { force: true });
    rmSync(directory, { recursive: true, force: true });
  }
}

await main();
