import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildChild } from '../crash/buildChild.js';
import { randomOf } from '../crash/records.js';
import { makeTopic, newKafka } from '../support/kafka.js';
import { endsOf } from './endsOf.js';
import type { Fault, Scene } from './fault.js';
import { GrantedClock } from './grantedClock.js';
import { jobFaults } from './jobFaults.js';
import { readToEnd } from './judgeOutput.js';
import type { Mode, PlantedFault } from './modes.js';
import { networkFaults } from './networkFaults.js';
import { partitions, Sender } from './sender.js';
import { serverFaults } from './serverFaults.js';
import { type ChaosReport, Subject } from './subject.js';
import { heal, type World } from './world.js';

const faults: readonly Fault[] = [...jobFaults, ...networkFaults, ...serverFaults];

export interface ChaosOptions {
  readonly world: World;
  /** A job of each runs, all of them side by side: they read the same topic and suffer the same faults. */
  readonly modes: readonly Mode[];
  readonly seed: number;
  /** Faults go on for this time. Default: each of `faults` once. */
  readonly durationMs?: number;
  /** Names of faults, in this order, before those at random. Default: all, in a random order. */
  readonly faults?: readonly string[];
  /** How long a fault lasts at most, ms. */
  readonly faultMs: number;
  /** Of the batches of the jobs, ms. Default: 500. */
  readonly intervalMs?: number;
  /** For how long after healing a job may lack something and get nothing of it, ms at the pace of the machine (`GrantedClock`). */
  readonly boundMs: number;
  /** Within which time a job must exit after it was asked to stop, ms at that pace. Default: 120,000. */
  readonly exitBoundMs?: number;
  readonly planted?: PlantedFault;
  /** Ends the faults before their time; what was written is judged all the same. */
  readonly signal?: AbortSignal;
  /** Called with what happens. */
  say?(line: string): void;
}

/** Disturbs jobs until the time is over or the script is done, and judges what each has written. */
export async function runChaos(options: ChaosOptions): Promise<readonly ChaosReport[]> {
  const { world, modes, seed, durationMs, boundMs, planted, say = () => {} } = options;
  const { intervalMs: interval = 500, exitBoundMs = 120_000 } = options;
  const kafka = newKafka({
    brokers: world.cluster.brokers.split(','),
    requestTimeout: 10_000,
    retry: { retries: 30, maxRetryTime: 2_000 },
  });
  const replicas = { replicationFactor: world.cluster.nodes.length };
  const input = await makeTopic(kafka, partitions, replicas);
  const directory = mkdtempSync(join(tmpdir(), 'dstream-chaos-'));
  const file = await buildChild(new URL('jobChild.ts', import.meta.url));
  const clock = new GrantedClock().start();
  const subjects: Subject[] = [];
  for (const mode of modes) {
    const output = mode === 'transactions' ? await makeTopic(kafka, partitions, replicas) : '';
    subjects.push(new Subject({ world, mode, file, input, output, directory, interval, exitBoundMs, clock, planted }));
  }
  const jobs = subjects.map(({ job }) => job);
  const sender = new Sender(kafka, input);
  const begun = performance.now();
  const each = <R>(work: (subject: Subject) => Promise<R>) => Promise.all(subjects.map(work));
  try {
    for (const job of jobs) job.start();
    await each((subject) => subject.catchUp(new Map([[0, 1]]), boundMs));
    let place = 0;
    for (const fault of script(options)) {
      if (options.signal?.aborted || (durationMs !== undefined && performance.now() - begun > durationMs)) break;
      const scene = sceneOf(world, jobs, randomOf(seed * 1_000 + place++));
      for (const subject of subjects) subject.enter(`${place}. ${fault.name}`);
      await fault.begin(scene);
      await scene.wait(options.faultMs);
      await fault.end?.(scene);
      await heal(world, scene.random() < 0.5);
      const ends = await endsOf(kafka, input);
      const caughtUp = await each(async (one) => `${one.mode} ${await one.catchUp(ends, boundMs, fault.name)}`);
      say(`${Math.round((performance.now() - begun) / 1_000)} s: ${place}. ${fault.name}: ${caughtUp.join(', ')}`);
    }
    for (const subject of subjects) subject.enter('the end');
    await sender.stop();
    const ends = await endsOf(kafka, input);
    await each((subject) => subject.catchUp(ends, boundMs));
    await Promise.all(jobs.map((job) => job.stop()));
    const seconds = Math.round((performance.now() - begun) / 1_000);
    const sent = await readToEnd(world, kafka, input);
    const reports: ChaosReport[] = [];
    for (const subject of subjects) {
      const beside = modes.filter((mode) => mode !== subject.mode);
      reports.push(await subject.report(sent, { kafka, seed, seconds, beside }));
    }
    return reports;
  } finally {
    clock.stop();
    await sender.stop();
    await Promise.all(jobs.map((job) => job.kill()));
    await heal(world, true);
    rmSync(directory, { recursive: true, force: true });
    rmSync(file, { force: true });
  }
}

/** Each fault once, in a random order; then, where the run has a duration, at random. */
function* script({ world, modes, seed, durationMs, faults: names }: ChaosOptions): Generator<Fault> {
  const random = randomOf(seed);
  const withPostgres = modes.some((mode) => mode !== 'transactions');
  const possible = faults.filter(
    (fault) => (!fault.needsPostgres || withPostgres) && (!fault.needsCluster || world.cluster.nodes.length >= 3),
  );
  const known = (name: string) => {
    const fault = possible.find((one) => one.name === name);
    if (!fault)
      throw new Error(`no fault of ${modes} is called "${name}": ${possible.map((one) => one.name).join('; ')}`);
    return fault;
  };
  const order = possible.map((fault) => ({ fault, place: random() })).sort((a, b) => a.place - b.place);
  yield* names ? names.map(known) : order.map(({ fault }) => fault);
  while (durationMs !== undefined) yield possible[Math.floor(random() * possible.length)] as Fault;
}

function sceneOf(world: World, jobs: Scene['jobs'], random: () => number): Scene {
  return {
    world,
    jobs,
    random,
    pick: (of) => of[Math.floor(random() * of.length)] as (typeof of)[number],
    wait: (atMostMs) => sleep(atMostMs * (0.1 + 0.9 * random())),
  };
}
