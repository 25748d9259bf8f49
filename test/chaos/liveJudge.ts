import { setTimeout as sleep } from 'node:timers/promises';
import { GrantedClock } from './grantedClock.js';
import type { JobEvent } from './modes.js';

/** More memory than this, in bytes, is a leak: the job holds a few numbers a partition and some records. */
const maxRssBytes = 600 * 2 ** 20;
/** A job that gets on, but slowly, has this many bounds to catch up: batches that take longer than their interval never would. */
const boundsInAll = 4;
/** A stop of the event loop that is longer is a fault, ms. */
const maxStopMs = 5_000;

/** What was seen of the lives of the job, and what of it was wrong. */
export class LiveJudge {
  readonly #until = new Map<number, number>();
  /** Faults by kind. */
  readonly counts = { stuck: 0, unhandled: 0, untyped: 0, ended: 0, handles: 0, memory: 0, stops: 0 };
  /** In words, the first ones of each kind. */
  readonly faults: string[] = [];
  /** How often the stream started again by itself, by the code of its error. */
  readonly restarts: Record<string, number> = {};
  /**
   * How often `sendToKafka` was fenced by a request of a life that was killed: no client can tell that from another process that has taken
   * over, so the job ends, and is started again (docs/design/0057-called-fenced.md).
   */
  fencedAfterKills = 0;
  batches = 0;
  maxRss = 0;
  maxStopMs = 0;
  /** What happens just now, to be named with a fault. */
  scene = 'the start';
  /** What the job has said of itself since it was last asked. */
  description: string | undefined;
  readonly #clock: GrantedClock;

  /** `clock` is for bounds. Default: one that measures nothing, so that it is the clock on the wall. */
  constructor(clock = new GrantedClock()) {
    this.#clock = clock;
  }

  observe(event: JobEvent): void {
    switch (event.kind) {
      case 'batch':
        this.batches++;
        for (const [partition, until] of event.until) {
          this.#until.set(partition, Math.max(until, this.#until.get(partition) ?? 0));
        }
        return;
      case 'restarting':
        this.restarts[event.code] = (this.restarts[event.code] ?? 0) + 1;
        // The job's own error has no code, and is no fault of the library's.
        if (event.code === 'UNTYPED' && !isOfJob(event.message)) this.#fault('untyped', event.message);
        return;
      case 'failed':
        if (event.code === 'UNTYPED' && !isOfJob(event.message)) this.#fault('untyped', event.message);
        return;
      case 'unhandled':
        this.#fault('unhandled', event.message);
        return;
      case 'vitals':
        this.#vitals(event);
        return;
      case 'described':
        this.description = event.text;
        return;
      case 'stopped':
        if (event.handles.length > 0) this.#fault('handles', event.handles.join(', '));
    }
  }

  /** The job ended, and nobody had asked it to. */
  ended(why: string): void {
    this.#fault('ended', why);
  }

  staysAlive(): void {
    this.#fault('handles', 'the process did not exit');
  }

  /**
   * How long it takes until the job has everything below these offsets, ms; `undefined` where it is stuck: for `boundMs` of the clock it
   * has got nothing of a partition that it lacks, or has not got everything in four times as long. `explain` is asked then what may be
   * the matter.
   */
  async caughtUp(
    ends: ReadonlyMap<number, number>,
    boundMs: number,
    explain: () => Promise<string> = async () => '',
  ): Promise<number | undefined> {
    const [begun, paced] = [performance.now(), this.#clock.now()];
    const passed = () => Math.round(performance.now() - begun);
    const progress = new Map(
      [...ends.keys()].map((partition) => [partition, { until: this.#has(partition), at: paced }]),
    );
    for (;;) {
      const now = this.#clock.now();
      const lacking = [...progress].filter(([partition]) => this.#has(partition) < (ends.get(partition) ?? 0));
      if (lacking.length === 0) return passed();
      for (const [partition, last] of lacking) {
        const until = this.#has(partition);
        if (until > last.until) progress.set(partition, { until, at: now });
        else if (now - last.at > boundMs || now - paced > boundsInAll * boundMs) {
          const [have, want] = [this.#until, ends].map((of) => JSON.stringify([...of]));
          const bound = `a bound of ${boundMs} ms without progress of partition ${partition}`;
          this.#fault('stuck', `at ${have} of ${want} after ${passed()} ms, ${bound} ${await explain()}`);
          return undefined;
        }
      }
      await sleep(20);
    }
  }

  #has(partition: number): number {
    return this.#until.get(partition) ?? 0;
  }

  #vitals({ rss, stoppedMs }: Extract<JobEvent, { kind: 'vitals' }>): void {
    if (rss > maxRssBytes && this.maxRss <= maxRssBytes) this.#fault('memory', `${rss} bytes`);
    if (stoppedMs > maxStopMs) this.#fault('stops', `${stoppedMs} ms`);
    this.maxRss = Math.max(this.maxRss, rss);
    this.maxStopMs = Math.max(this.maxStopMs, stoppedMs);
  }

  #fault(kind: keyof LiveJudge['counts'], what: string): void {
    this.counts[kind]++;
    if (this.counts[kind] <= 20) this.faults.push(`${kind}, ${this.scene}: ${what}`);
  }
}

/** Errors of the job's own client of PostgreSQL, and of its output when it was asked to throw. */
function isOfJob(message: string): boolean {
  return /asked to throw|Connection terminated|timeout|ECONNREFUSED|ECONNRESET|terminating connection|not queryable/i.test(
    message,
  );
}
