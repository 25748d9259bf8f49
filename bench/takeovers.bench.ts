// How long does nobody work on the tasks of a process that is killed?
//
//   npm run bench -- takeovers [--kills N] [--restarts N] [--processes N] [--partitions N] [--interval MS] [--session MS] [--save]
//
// Processes share the partitions of a topic on a Kafka that is started here, with their state in it. One after the other is killed with SIGKILL,
// and started again when others have its tasks. Then the same with static members, each of which comes back within its session. All times
// are those at which the committed offsets are seen from outside, which asks for them every 50 ms.
import { randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { kafkaPartitioner } from 'dstream';
import { type Admin, Kafka, logLevel, type Producer } from 'kafkajs';
import { startKafka } from '../scripts/kafka-broker.mjs';
import { buildChild } from '../test/crash/buildChild.js';
import { createTopics } from '../test/support/createTopics.js';
import { quantile } from './quantile.js';
import { rowOf, writeResults } from './report.js';
import { Commits } from './takeovers/commits.js';
import { Members } from './takeovers/members.js';
import { until } from './takeovers/until.js';

const { values: options } = parseArgs({
  options: {
    kills: { type: 'string', default: '30' },
    restarts: { type: 'string', default: '10' },
    processes: { type: 'string', default: '8' },
    partitions: { type: 'string', default: '32' },
    interval: { type: 'string', default: '1000' },
    session: { type: 'string', default: '6000' },
    save: { type: 'boolean', default: false },
  },
});
const [kills, restarts] = [Number(options.kills), Number(options.restarts)];
const [processes, partitions] = [Number(options.processes), Number(options.partitions)];
const [interval, sessionTimeout] = [Number(options.interval), Number(options.session)];
const each = partitions / processes;
const pollMs = 50;
const topic = 'flights';

/** What there is to work on, for both kinds of members. */
interface Place {
  readonly brokers: string;
  readonly admin: Admin;
  readonly file: string;
}

/** Keys of each partition. */
const keysOf = Array.from({ length: partitions }, (): string[] => []);
for (let i = 0; keysOf.some((keys) => keys.length < 5); i++)
  keysOf[kafkaPartitioner(`key${i}`, partitions)]?.push(`key${i}`);

/** Sends two records to each partition, five times an interval, until it is ended. */
function sending(producer: Producer): () => Promise<void> {
  let ended = false;
  const send = async () => {
    for (let turn = 0; !ended; turn++) {
      const messages = keysOf.flatMap((keys, partition) =>
        [0, 1].map((i) => ({ key: keys[(turn + i) % keys.length] ?? '', value: null, partition })),
      );
      await producer.send({ topic, messages });
      await sleep(interval / 5);
    }
  };
  const running = send();
  return () => {
    ended = true;
    return running;
  };
}

async function withMembers<R>(place: Place, isStatic: boolean, work: (all: Members, commits: Commits) => Promise<R>) {
  const groupId = `takeovers-${randomUUID()}`;
  const members = new Members(
    place.file,
    { brokers: place.brokers, topic, groupId, interval, sessionTimeout },
    isStatic,
  );
  const commits = new Commits(place.admin, groupId, topic, partitions, pollMs);
  try {
    for (let index = 0; index < processes; index++) members.start(index);
    await members.balanced(commits, each, 2 * interval);
    return await work(members, commits);
  } finally {
    await members.end();
    await commits.end();
  }
}

/** Kills one process after the other, which comes back when others have all its tasks. */
async function killed(members: Members, commits: Commits) {
  const takeovers: number[] = [];
  const last: number[] = [];
  const gaps: number[] = [];
  const gapsAtJoins: number[] = [];
  let movedBeside = 0;
  for (let kill = 0; kill < kills; kill++) {
    const victim = kill % processes;
    const child = members.all[victim];
    const pid = child?.process.pid ?? 0;
    const before = commits.owners();
    const dead = commits.partitionsOf(pid);
    const killedAt = performance.now();
    child?.process.kill('SIGKILL');
    // A commit that the process has sent may be seen after it is dead: it is still its own.
    const first = () => dead.map((partition) => commits.firstOfOthers(partition, pid, killedAt));
    await until('others have all its tasks', () => !first().includes(undefined));
    await sleep(2 * interval);
    const after = commits.owners();
    const times = first().map((at) => (at ?? Number.NaN) - killedAt);
    takeovers.push(...times);
    last.push(Math.max(...times));
    const stay = before.flatMap((_, partition) => (dead.includes(partition) ? [] : [partition]));
    movedBeside += stay.filter((partition) => before[partition] !== after[partition]).length;
    gaps.push(...stay.map((partition) => commits.gap(partition, killedAt, performance.now())));
    const joinedAt = performance.now();
    members.start(victim);
    await members.balanced(commits, each, 2 * interval);
    const balanced = commits.owners();
    const stayed = after.flatMap((owner, partition) => (owner === balanced[partition] ? [partition] : []));
    gapsAtJoins.push(...stayed.map((partition) => commits.gap(partition, joinedAt, performance.now())));
    console.log(
      `kill ${kill + 1}: ${times.map(Math.round).join(', ')} ms; gap of the others ${Math.round(Math.max(...gaps))} ms`,
    );
  }
  return { takeovers, last, gaps, gapsAtJoins, movedBeside };
}

/** Kills one static member after the other, which is started again a second later. */
async function restarted(members: Members, commits: Commits) {
  const firstBatches: number[] = [];
  const sinceKill: number[] = [];
  const gaps: number[] = [];
  const ups: number[] = [];
  let generations = 0;
  let moved = 0;
  for (let restart = 0; restart < restarts; restart++) {
    const index = restart % processes;
    const child = members.all[index];
    const pid = child?.process.pid ?? 0;
    const before = commits.owners();
    const own = commits.partitionsOf(pid);
    const { generation } = members;
    const killedAt = performance.now();
    child?.process.kill('SIGKILL');
    await child?.ended;
    await sleep(1_000);
    const again = members.start(index);
    await again.says('up');
    const upAt = performance.now();
    ups.push(upAt - killedAt);
    const first = () => own.map((partition) => commits.firstOfOthers(partition, pid, killedAt));
    await until('it has its tasks again', () => !first().includes(undefined));
    const times = first().map((at) => (at ?? Number.NaN) - upAt);
    await members.balanced(commits, each, 2 * interval);
    const expected = before.map((owner) => (owner === pid ? again.process.pid : owner));
    moved += commits.owners().filter((owner, partition) => owner !== expected[partition]).length;
    if (members.generation !== generation) generations++;
    firstBatches.push(...times);
    sinceKill.push(...first().map((at) => (at ?? Number.NaN) - killedAt));
    const stay = before.flatMap((owner, partition) => (owner === pid ? [] : [partition]));
    gaps.push(...stay.map((partition) => commits.gap(partition, killedAt, performance.now())));
    console.log(`restart ${restart + 1}: first batch ${times.map(Math.round).join(', ')} ms after it was up`);
  }
  return { firstBatches, sinceKill, ups, gaps, generations, moved };
}

const figures = (samples: readonly number[]) => ({
  p50: Math.round(quantile(samples, 0.5)),
  p95: Math.round(quantile(samples, 0.95)),
  max: Math.round(quantile(samples, 1)),
  samples: samples.length,
});

async function main(): Promise<void> {
  const cluster = await startKafka({ longLived: true });
  const kafka = new Kafka({ brokers: cluster.brokers.split(','), logLevel: logLevel.NOTHING });
  const [admin, producer] = [kafka.admin(), kafka.producer()];
  const file = await buildChild(new URL('takeovers/member.ts', import.meta.url));
  try {
    await Promise.all([admin.connect(), producer.connect()]);
    await createTopics(admin, [{ topic, numPartitions: partitions }]);
    const end = sending(producer);
    const place = { brokers: cluster.brokers, admin, file };
    const dead = await withMembers(place, false, killed);
    const back = restarts > 0 ? await withMembers(place, true, restarted) : undefined;
    await end();
    const rows = [
      rowOf('a partition of a process that was killed, until its next committed batch', dead.takeovers),
      rowOf('the last partition of each', dead.last),
      rowOf('largest gap of a partition that stays, at a kill', dead.gaps),
      rowOf('largest gap of a partition that stays, at a join', dead.gapsAtJoins),
      ...(back
        ? [rowOf('a static member, from when it is up until its first committed batch', back.firstBatches)]
        : []),
    ];
    const kill = {
      ...{ kills, takeover: figures(dead.takeovers), lastPartition: figures(dead.last) },
      ...{ gapOfOthers: figures(dead.gaps), gapOfOthersAtJoins: figures(dead.gapsAtJoins) },
      partitionsOfOthersMoved: dead.movedBeside,
      ...{ goalOfP95: sessionTimeout + 2 * interval, goalOfGap: 2 * interval },
    };
    const restart = back && {
      ...{ restarts, firstBatch: figures(back.firstBatches), sinceKill: figures(back.sinceKill) },
      // A process that is up after its session has ended has lost its tasks.
      ...{ upSinceKill: figures(back.ups), upWithinSession: back.ups.filter((up) => up < sessionTimeout).length },
      ...{ gapOfOthers: figures(back.gaps), newGenerations: back.generations, partitionsMoved: back.moved },
    };
    console.log({ kill, restart });
    const setup = { processes, partitions, interval, sessionTimeout, pollMs, cores: availableParallelism() };
    const ratios = { 'p95 of a takeover / (session + two intervals)': kill.takeover.p95 / kill.goalOfP95 };
    writeResults('takeovers', { unit: 'ms', rows, ratios, ...setup, kill, restart }, kills >= 30 || options.save);
  } finally {
    await Promise.allSettled([admin.disconnect(), producer.disconnect()]);
    await cluster.stop();
    rmSync(file, { force: true });
  }
}

await main();
