import { setTimeout as sleep } from 'node:timers/promises';
import type { GrantedClock } from './grantedClock.js';
import { JobProcess } from './jobProcess.js';
import type { LiveJudge } from './liveJudge.js';
import type { JobCommand, JobConfig, JobEvent } from './modes.js';

/** A life that ended by itself is followed by another one, as a supervisor does it, ms. */
const restartMs = 500;

/** The job through all its lives: one at a time. */
export class JobControl {
  readonly #file: string;
  readonly #config: JobConfig;
  readonly #judge: LiveJudge;
  readonly #exitBoundMs: number;
  readonly #clock: GrantedClock;
  #life: JobProcess | undefined;
  #kills = 0;
  /** Lives that were killed and may have left a request for the transactional id on its way: each can fence one life that follows. */
  #ghosts = 0;

  /** A job that was asked to stop exits within `exitBoundMs` of `clock`, or it never will. */
  constructor(file: string, config: JobConfig, judge: LiveJudge, exitBoundMs: number, clock: GrantedClock) {
    this.#file = file;
    this.#config = config;
    this.#judge = judge;
    this.#exitBoundMs = exitBoundMs;
    this.#clock = clock;
  }

  get kills(): number {
    return this.#kills;
  }

  start(): void {
    let end: string | undefined;
    const life = new JobProcess(this.#file, this.#config, (event: JobEvent) => {
      if (event.kind === 'failed') end = `${event.code}: ${event.message}`;
      this.#judge.observe(event);
    });
    this.#life = life;
    void life.exited.then(async () => {
      if (this.#life !== life) return;
      if (end?.startsWith('FENCED') && this.#config.mode === 'transactions' && this.#ghosts > 0) {
        this.#ghosts--;
        this.#judge.fencedAfterKills++;
      } else this.#judge.ended(end ?? 'without an error');
      await sleep(restartMs);
      if (this.#life === life) this.start();
    });
  }

  command(command: JobCommand): void {
    this.#life?.command(command);
  }

  freeze(): void {
    this.#life?.freeze();
  }

  thaw(): void {
    this.#life?.thaw();
  }

  async kill(): Promise<void> {
    const life = this.#life;
    this.#life = undefined;
    this.#kills++;
    this.#ghosts++;
    await life?.kill();
  }

  /** Asks it to stop: it has to exit by itself. */
  async stop(): Promise<void> {
    const life = this.#life;
    this.#life = undefined;
    if (!life) return;
    life.command('stop');
    for (const begun = this.#clock.now(); this.#clock.now() - begun < this.#exitBoundMs; ) {
      if (await Promise.race([life.exited.then(() => true), sleep(100, false)])) return;
    }
    this.#judge.staysAlive();
    await life.kill();
  }
}
