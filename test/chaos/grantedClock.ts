import { performance } from 'node:perf_hooks';

/** How long processor time takes that is asked for. */
export interface Probe {
  /** Processor time used, ms. */
  readonly usedMs: number;
  /** Time that passed meanwhile, ms. */
  readonly passedMs: number;
}

/** How often the pace is measured, ms, and with how much work, ms of processor time: one percent of a core. */
const probeIntervalMs = 1_000;
const probeMs = 10;
/** A machine that is slower than this is not waited for: a bound still ends. */
const maxSlowdown = 10;

/**
 * A clock for bounds that runs at the pace at which the machine grants processor time: where a process gets a third of a core when it asks
 * for a whole one, a second of this clock takes three. On an idle machine it is the clock on the wall. It always advances, at a tenth of
 * that clock at least, so a job that hangs is still found.
 */
export class GrantedClock {
  readonly #probe: () => Probe;
  readonly #wallNow: () => number;
  #timer: NodeJS.Timeout | undefined;
  #now = 0;
  readonly #began: number;
  #wall: number;
  #slowdown = 1;
  #slowest = 1;

  constructor({ probe = busyProbe, wallNow = () => performance.now() } = {}) {
    this.#probe = probe;
    this.#wallNow = wallNow;
    this.#began = wallNow();
    this.#wall = this.#began;
  }

  /** Measures the pace each second, until `stop()`. */
  start(): this {
    this.measure();
    this.#timer = setInterval(() => this.measure(), probeIntervalMs);
    this.#timer.unref();
    return this;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  measure(): void {
    const { usedMs, passedMs } = this.#probe();
    this.#slowdown = Math.min(maxSlowdown, Math.max(1, passedMs / usedMs));
    this.#slowest = Math.max(this.#slowest, this.#slowdown);
    this.now();
  }

  /** Time at the machine's pace, ms. */
  now(): number {
    const wall = this.#wallNow();
    this.#now += (wall - this.#wall) / this.#slowdown;
    this.#wall = wall;
    return this.#now;
  }

  /** How much slower than an idle machine this one was. */
  get slowdown(): { readonly mean: number; readonly max: number } {
    const paced = this.now();
    return { mean: paced > 0 ? (this.#wall - this.#began) / paced : 1, max: this.#slowest };
  }
}

/** Uses processor time, and nothing else, in one go. */
function busyProbe(): Probe {
  const [began, before] = [performance.now(), process.cpuUsage()];
  for (;;) {
    const { user, system } = process.cpuUsage(before);
    const usedMs = (user + system) / 1_000;
    if (usedMs >= probeMs) return { usedMs, passedMs: performance.now() - began };
  }
}
