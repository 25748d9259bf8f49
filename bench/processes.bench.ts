// What do more processes gain, and what do tasks cost beside one driver, on a real Kafka?
//
//   npm run bench -- processes [--processes 1,2,4,8] [--records N] [--cost MICROSECONDS] [--paced SECONDS] [--rounds N] [--save]
//
// Processes of `kafkaTasks` share 32 partitions of a topic on a Kafka that is started here, with a map of 5 microseconds a record. They begin when
// all have their tasks, and end when all is committed. The clock says what this machine's cores can do, Kafka's own work included; the
// gain is what one core for each process would make of it: n times the processor time of a record at 1, over that at n. Then one driver
// and 32 tasks in one process, both with as many records in every interval, for 10 seconds. All in turns, round by round: about five minutes.
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Admin, Kafka, logLevel } from 'kafkajs';
import { startKafka } from '../scripts/kafka-broker.mjs';
import { buildChild } from '../test/crash/buildChild.js';
import { fill } from './kafka/topics.js';
import { Member } from './processes/memberProcess.js';
import { printTable, rowOf, writeResults } from './report.js';
import { turnsPerMicrosecond } from './threads/costed.js';

const { values: options } = parseArgs({
  options: {
    processes: { type: 'string', default: '1,2,4,8' },
    records: { type: 'string', default: '1000000' },
    cost: { type: 'string', default: '5' },
    paced: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '3' },
    save: { type: 'boolean', default: false },
  },
});
const partitions = 32;
const records = Number(options.records);
const counts = options.processes.split(',').map(Number);
const cores = availableParallelism();
/** Of the runs at a steady pace: records of a partition in an interval of a second. */
const paced = Math.ceil(records / partitions / Number(options.paced));

interface Spent {
  /** Milliseconds of all processes. */
  readonly cpu: number;
  readonly wall: number;
}

async function measured(
  brokers: string,
  admin: Admin,
  file: string,
  topic: string,
  how: {
    readonly kind: 'tasks' | 'driver';
    readonly processes: number;
    readonly turns: number;
    readonly pace?: number;
  },
): Promise<Spent> {
  const { kind, processes, turns, pace } = how;
  const groupId = `processes-${randomUUID()}`;
  const setup = { brokers, topic, groupId, kind, turns, interval: pace ? 1_000 : 200, rate: pace ?? 500_000 };
  const members = Array.from({ length: processes }, () => new Member(file, setup));
  try {
    const each = partitions / processes;
    while (!members.every((member) => member.isReady(each))) await sleep(50);
    await sleep(2_000);
    const begun = performance.now();
    for (const member of members) member.tell('go');
    const committed = async () => {
      const [found] = await admin.fetchOffsets({ groupId, topics: [topic] }).catch(() => []);
      return (found?.partitions ?? []).reduce((sum, { offset }) => sum + Math.max(Number(offset), 0), 0);
    };
    while ((await committed()) < records) await sleep(50);
    const wall = performance.now() - begun;
    const spent = await Promise.all(members.map((member) => member.end()));
    return { cpu: spent.reduce((a, b) => a + b, 0), wall };
  } finally {
    for (const member of members) member.kill();
  }
}

async function main(): Promise<void> {
  const cluster = await startKafka({ longLived: true });
  const kafka = new Kafka({ brokers: cluster.brokers.split(','), logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const file = await buildChild(new URL('processes/member.ts', import.meta.url));
  try {
    const topic = 'processes';
    await fill(cluster.brokers, { label: '', name: topic, partitions, records, size: 100, compression: 0 });
    await admin.connect();
    const turns = Math.round(Number(options.cost) * turnsPerMicrosecond());
    const runs = [
      ...counts.map((processes) => {
        const name = `${processes} process${processes > 1 ? 'es' : ''}`;
        return { name, how: { kind: 'tasks', processes, turns } as const };
      }),
      { name: 'one driver, at a steady pace', how: { kind: 'driver', processes: 1, turns, pace: paced } as const },
      { name: '32 tasks, at a steady pace', how: { kind: 'tasks', processes: 1, turns, pace: paced } as const },
    ];
    const samples = new Map(runs.map(({ name }) => [name, [] as Spent[]]));
    for (let round = 0; round < Number(options.rounds); round++) {
      console.log(`round ${round + 1} after ${Math.round(process.uptime())} s`);
      for (const { name, how } of runs) {
        const spent = await measured(cluster.brokers, admin, file, topic, how);
        samples.get(name)?.push(spent);
        console.log(name, spent);
      }
    }
    const perRecord = (name: string) =>
      rowOf(
        name,
        (samples.get(name) ?? []).map(({ cpu }) => (cpu * 1_000) / records),
      );
    const perSecond = (name: string) =>
      rowOf(
        name,
        (samples.get(name) ?? []).map(({ wall }) => (records * 1_000) / wall),
      ).median;
    const rows = runs.map(({ name }) => perRecord(name));
    const [alone] = rows;
    const scaled = runs.slice(0, counts.length).map(({ name, how: { processes } }, i) => ({
      ...{ name, processes, perSecond: perSecond(name), microseconds: rows[i]?.median ?? 0 },
      gain: (processes * (alone?.median ?? 0)) / (rows[i]?.median ?? 1),
    }));
    printTable(
      ['', 'records a second', 'processor time, µs a record', 'gain with a core for each'],
      scaled.map((one) => [
        ...[one.name, Math.round(one.perSecond).toLocaleString('en'), one.microseconds.toFixed(2), one.gain.toFixed(2)],
      ]),
    );
    console.log(`\n${cores} cores, which Kafka shares: more processes than cores gain nothing by the clock.`);
    const [driver, tasks] = rows.slice(-2);
    const ratios = {
      ...Object.fromEntries(scaled.map((one) => [`${one.name}: gain / n`, one.gain / one.processes])),
      '32 tasks / one driver': (tasks?.median ?? 0) / (driver?.median ?? 1),
    };
    const unit = 'microseconds of processor time a record';
    const about = { cores, partitions, records, cost: Number(options.cost), paced, scaled };
    writeResults('processes', { unit, rows, ratios, ...about }, Number(options.rounds) >= 3 || options.save);
  } finally {
    await admin.disconnect().catch(() => {});
    await cluster.stop();
    rmSync(file, { force: true });
  }
}

await main();
