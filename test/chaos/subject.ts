import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReadRecord } from './consoleConsumer.js';
import type { GrantedClock } from './grantedClock.js';
import { JobControl } from './jobControl.js';
import { judgeOutput } from './judgeOutput.js';
import { LiveJudge } from './liveJudge.js';
import type { JobConfig, Mode, PlantedFault } from './modes.js';
import type { World } from './world.js';

/** How often a fault was tried, and the longest time until the job had caught up after it was healed. */
interface Tried {
  times: number;
  recoveredMs: number;
}

export interface ChaosReport {
  readonly mode: Mode;
  readonly seed: number;
  readonly seconds: number;
  /** The modes of the jobs that ran beside it. */
  readonly beside: readonly Mode[];
  /** How long a millisecond of processor time took, 1 on an idle machine: bounds are longer by this factor while it lasts. */
  readonly slowdown: GrantedClock['slowdown'];
  readonly records: number;
  readonly lost: number;
  readonly doubled: number;
  readonly miscounted: number;
  /** Faults of the running job by kind. */
  readonly counts: LiveJudge['counts'];
  readonly batches: number;
  readonly kills: number;
  readonly fencedAfterKills: number;
  readonly maxRssMiB: number;
  readonly maxStopMs: number;
  readonly restarts: Readonly<Record<string, number>>;
  readonly tried: Readonly<Record<string, Tried>>;
  /** What was wrong, in words. */
  readonly faults: readonly string[];
}

export interface SubjectOptions {
  readonly world: World;
  readonly mode: Mode;
  /** The bundled job. */
  readonly file: string;
  readonly input: string;
  readonly output: string;
  /** For its checkpoint. */
  readonly directory: string;
  /** Of its batches, ms. */
  readonly interval: number;
  readonly exitBoundMs: number;
  readonly clock: GrantedClock;
  readonly planted?: PlantedFault | undefined;
}

/** How long a stuck job may take to say what it waits for, ms. */
const answerMs = 10_000;

/** One job that is disturbed, and what is known of it. */
export class Subject {
  readonly mode: Mode;
  readonly job: JobControl;
  readonly #world: World;
  readonly #config: JobConfig;
  readonly #judge: LiveJudge;
  readonly #clock: GrantedClock;
  readonly #tried: Record<string, Tried> = {};

  constructor({ world, mode, file, input, output, directory, interval, exitBoundMs, clock, planted }: SubjectOptions) {
    this.mode = mode;
    this.#world = world;
    this.#clock = clock;
    this.#config = {
      mode,
      job: `chaos-${randomUUID()}`,
      brokers: world.cluster.proxiedBrokers.split(','),
      input,
      output,
      postgresUrl: world.proxiedPostgresUrl,
      checkpointDirectory: join(directory, mode),
      interval,
      planted,
    };
    this.#judge = new LiveJudge(clock);
    this.job = new JobControl(file, this.#config, this.#judge, exitBoundMs, clock);
  }

  /** What happens from now on is put down to this. */
  enter(scene: string): void {
    this.#judge.scene = scene;
  }

  /** Waits until it has everything below these offsets. `after` is the fault that was healed, if there was one. */
  async catchUp(ends: ReadonlyMap<number, number>, boundMs: number, after?: string): Promise<string> {
    const recoveredMs = await this.#judge.caughtUp(ends, boundMs, () => this.#describe());
    if (after !== undefined) {
      const before = this.#tried[after] ?? { times: 0, recoveredMs: 0 };
      this.#tried[after] = {
        times: before.times + 1,
        recoveredMs: Math.max(before.recoveredMs, recoveredMs ?? Number.POSITIVE_INFINITY),
      };
    }
    return recoveredMs === undefined ? 'STUCK' : `${recoveredMs} ms`;
  }

  /** What the job says that it waits for, if it still answers. */
  async #describe(): Promise<string> {
    this.#judge.description = undefined;
    this.job.command('describe');
    for (const begun = this.#clock.now(); this.#clock.now() - begun < answerMs; await sleep(20)) {
      if (this.#judge.description !== undefined) return this.#judge.description;
    }
    return 'it does not answer';
  }

  /** When it has been stopped: judges what it has written. */
  async report(
    input: readonly ReadRecord[],
    {
      kafka,
      ...run
    }: Pick<ChaosReport, 'seed' | 'seconds' | 'beside'> & Pick<Parameters<typeof judgeOutput>[0], 'kafka'>,
  ): Promise<ChaosReport> {
    const { records, ...verdict } = await judgeOutput({ world: this.#world, kafka, config: this.#config, input });
    const { lost, doubled, miscounted } = verdict;
    const judge = this.#judge;
    return {
      mode: this.mode,
      ...run,
      slowdown: this.#clock.slowdown,
      records,
      lost: lost.length,
      doubled: doubled.length,
      miscounted: miscounted.length,
      counts: judge.counts,
      batches: judge.batches,
      kills: this.job.kills,
      fencedAfterKills: judge.fencedAfterKills,
      maxRssMiB: Math.round(judge.maxRss / 2 ** 20),
      maxStopMs: judge.maxStopMs,
      restarts: judge.restarts,
      tried: this.#tried,
      faults: [
        ...judge.faults,
        ...lost.slice(0, 10).map((place) => `lost ${place}`),
        ...doubled.slice(0, 10).map((place) => `doubled ${place}`),
        ...miscounted.slice(0, 10).map((place) => `miscounted ${place}`),
      ],
    };
  }
}
