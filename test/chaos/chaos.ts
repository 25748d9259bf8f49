import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { buildChild } from '../crash/buildChild.js';
import { randomOf } from '../crash/records.js';
import { makeTopic, newKafka } from '../support/kafka.js';
import { endsOf } from './endsOf.js';
import type { Fault, Scene } from './fault.js';
import { JobControl } from './jobControl.js';
import { jobFaults } from './jobFaults.js';
import { judgeOutput } from './judgeOutput.js';
import { LiveJudge } from './liveJudge.js';
import type { JobConfig, Mode, PlantedFault } from './modes.js';
import { networkFaults } from './networkFaults.js';
import { partitions, Sender } from './sender.js';
import { serverFaults } from './serverFaults.js';
import { heal, type World } from './world.js';

const faults: readonly Fault[] = [...jobFaults, ...networkFaults, ...serverFaults];

export interface ChaosOptions {
  readonly world: World;
  readonly mode: Mode;
  readonly seed: number;
  /** Faults go on for this time. Default: each of `faults` once. */
  readonly durationMs?: number;
  /** Names of faults, in this order, before those at random. Default: all, in a random order. */
  readonly faults?: readonly string[];
  /** How long a fault lasts at most, ms. */
  readonly faultMs: number;
  /** Within which time after healing the job must have what was sent before, ms. */
  readonly boundMs: number;
  /** Within which time the job must exit after it was asked to stop, ms. Default: 120,000. */
  readonly exitBoundMs?: number;
  readonly planted?: PlantedFault;
  /** Called with what happens. */
  say?(line: string): void;
}

/** How often a fault was tried, and the longest time until the job had caught up after it was healed. */
interface Tried {
  times: number;
  recoveredMs: number;
}

export interface ChaosReport {
  readonly mode: Mode;
  readonly seed: number;
  readonly seconds: number;
  readonly records: number;
  readonly lost: number;
  readonly doubled: number;
  readonly miscounted: number;
  /** Faults of the running job by kind. */
  readonly counts: LiveJudge['counts'];
  readonly batches: number;
  readonly kills: number;
  readonly maxRssMiB: number;
  readonly maxStopMs: number;
  readonly restarts: Readonly<Record<string, number>>;
  readonly tried: Readonly<Record<string, Tried>>;
  /** What was wrong, in words. */
  readonly faults: readonly string[];
}

/** Disturbs one job until the time is over or the script is done, and judges what it has written. */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { world, mode, seed, durationMs, boundMs, say = () => {} } = options;
  const kafka = newKafka({
    brokers: world.cluster.brokers.split(','),
    requestTimeout: 10_000,
    retry: { retries: 30, maxRetryTime: 2_000 },
  });
  const replicas = { replicationFactor: world.cluster.nodes.length };
  const input = await makeTopic(kafka, partitions, replicas);
  const directory = mkdtempSync(join(tmpdir(), 'dstream-chaos-'));
  const file = await buildChild(new URL('jobChild.ts', import.meta.url));
  const config: JobConfig = {
    mode,
    job: `chaos-${randomUUID()}`,
    brokers: world.cluster.proxiedBrokers.split(','),
    input,
    output: mode === 'transactions' ? await makeTopic(kafka, partitions, replicas) : '',
    postgresUrl: world.proxiedPostgresUrl,
    checkpointDirectory: join(directory, 'checkpoint'),
    planted: options.planted,
  };
  const judge = new LiveJudge();
  const job = new JobControl(file, config, judge, options.exitBoundMs ?? 120_000);
  const sender = new Sender(kafka, input);
  const begun = performance.now();
  const tried: Record<string, Tried> = {};
  try {
    job.start();
    await judge.caughtUp(new Map([[0, 1]]), boundMs);
    let place = 0;
    for (const fault of script(options)) {
      if (durationMs !== undefined && performance.now() - begun > durationMs) break;
      const scene = sceneOf(world, job, randomOf(seed * 1_000 + place++));
      judge.scene = `${place}. ${fault.name}`;
      await fault.begin(scene);
      await scene.wait(options.faultMs);
      await fault.end?.(scene);
      await heal(world, scene.random() < 0.5);
      const recoveredMs = await judge.caughtUp(await endsOf(kafka, input), boundMs);
      say(`${judge.scene}: ${recoveredMs === undefined ? 'STUCK' : `caught up in ${recoveredMs} ms`}`);
      const before = tried[fault.name] ?? { times: 0, recoveredMs: 0 };
      tried[fault.name] = {
        times: before.times + 1,
        recoveredMs: Math.max(before.recoveredMs, recoveredMs ?? Number.POSITIVE_INFINITY),
      };
    }
    judge.scene = 'the end';
    await sender.stop();
    await judge.caughtUp(await endsOf(kafka, input), boundMs);
    await job.stop();
    const verdict = await judgeOutput({ world, kafka, config });
    const { lost, doubled, miscounted } = verdict;
    return {
      mode,
      seed,
      seconds: Math.round((performance.now() - begun) / 1_000),
      records: verdict.records,
      lost: lost.length,
      doubled: doubled.length,
      miscounted: miscounted.length,
      counts: judge.counts,
      batches: judge.batches,
      kills: job.kills,
      maxRssMiB: Math.round(judge.maxRss / 2 ** 20),
      maxStopMs: judge.maxStopMs,
      restarts: judge.restarts,
      tried,
      faults: [
        ...judge.faults,
        ...lost.slice(0, 10).map((place) => `lost ${place}`),
        ...doubled.slice(0, 10).map((place) => `doubled ${place}`),
        ...miscounted.slice(0, 10).map((place) => `miscounted ${place}`),
      ],
    };
  } finally {
    await sender.stop();
    await job.kill();
    await heal(world, true);
    rmSync(directory, { recursive: true, force: true });
    rmSync(file, { force: true });
  }
}

/** Each fault once, in a random order; then, where the run has a duration, at random. */
function* script({ world, mode, seed, durationMs, faults: names }: ChaosOptions): Generator<Fault> {
  const random = randomOf(seed);
  const possible = faults.filter(
    (fault) =>
      (!fault.needsPostgres || mode !== 'transactions') && (!fault.needsCluster || world.cluster.nodes.length >= 3),
  );
  const known = (name: string) => {
    const fault = possible.find((one) => one.name === name);
    if (!fault)
      throw new Error(`no fault of ${mode} is called "${name}": ${possible.map((one) => one.name).join('; ')}`);
    return fault;
  };
  const order = possible.map((fault) => ({ fault, place: random() })).sort((a, b) => a.place - b.place);
  yield* names ? names.map(known) : order.map(({ fault }) => fault);
  while (durationMs !== undefined) yield possible[Math.floor(random() * possible.length)] as Fault;
}

function sceneOf(world: World, job: JobControl, random: () => number): Scene {
  return {
    world,
    job,
    random,
    pick: (of) => of[Math.floor(random() * of.length)] as (typeof of)[number],
    wait: (atMostMs) => sleep(atMostMs * (0.1 + 0.9 * random())),
  };
}
