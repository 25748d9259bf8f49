import { type SchedulerLike, Subscription } from 'rxjs';
import type { Steps } from '../observables/steps.js';
import { BatchIntervals, type Tick } from './batchIntervals.js';
import type { ResolvedDriverOptions } from './driverOptions.js';
import { SerialQueue, type SerialQueueEvents, type Turn } from './serialQueue.js';

/** Ticks that fire in one turn of the event loop, when many are due. */
const maxTicksPerTurn = 64;

export interface TickerEvents extends SerialQueueEvents {
  /** A tick is due: plans its batch. The next one is not planned before this has completed. */
  plan(tick: Tick, turn: Turn): Steps;
  /** Whether the next tick may be planned; call `run` when the answer may have changed. */
  ready(): boolean;
  /** Whether ticks are still wanted. */
  active(): boolean;
}

/** Fires the ticks of a run and has them planned, one at a time. */
export class Ticker {
  readonly #scheduler: SchedulerLike;
  readonly #maxMissedBatches: number;
  readonly #events: TickerEvents;
  readonly #intervals: BatchIntervals;
  readonly #due: SerialQueue<Tick>;
  readonly #timers = new Subscription();
  #next = new Subscription();

  constructor(
    options: Pick<
      ResolvedDriverOptions,
      'interval' | 'dynamicInterval' | 'scheduler' | 'maxMissedBatches' | 'stepTimeout'
    >,
    events: TickerEvents,
  ) {
    this.#scheduler = options.scheduler;
    this.#maxMissedBatches = options.maxMissedBatches;
    this.#events = events;
    this.#intervals = new BatchIntervals(options.interval, options.dynamicInterval);
    const drained = (): void => {
      if (events.active() && this.#behind) this.#schedule();
      else events.drained();
    };
    const on = { fail: events.fail, drained };
    this.#due = new SerialQueue((tick, turn) => events.plan(tick, turn), on, options, events.ready);
  }

  /** The interval of batches to come, in ms. */
  get interval(): number {
    return this.#intervals.current;
  }

  /** The longest interval, where intervals change, in ms. */
  get longestInterval(): number | undefined {
    return this.#intervals.longest;
  }

  /** Ticks that are due and not planned, as far as they have been created. */
  get size(): number {
    return this.#due.size;
  }

  get idle(): boolean {
    return this.#due.idle;
  }

  /** The time of the oldest tick that is due and not planned. */
  get oldest(): number | undefined {
    for (const { time } of this.#due.waiting) return time;
    return undefined;
  }

  /** Where slides are counted from, for a stream that begins now. */
  zeroTime(now: number): number {
    return this.#intervals.zeroTime(now);
  }

  /**
   * Sets where batch times continue: after a batch of this time; without one at the next multiple of the interval after `now`,
   * which must be the same as for `zeroTime`, or the first batch may not be the one after the zero time.
   */
  continueAfter(lastTime: number | undefined, now: number): void {
    this.#intervals.start(lastTime, now);
  }

  start(): void {
    if (this.#behind) this.#fire();
    else this.#schedule();
  }

  /** Plans on, where `ready` may have changed. */
  run(): void {
    this.#due.run();
  }

  /** A batch is complete: its interval may change. */
  completed(interval: number, processingTime: number): void {
    const changed = this.#intervals.completed(interval, processingTime);
    if (changed && this.#events.active()) this.#schedule();
  }

  /** Drops the ticks that have not been planned. */
  clear(): void {
    this.#due.clear();
  }

  close(): void {
    this.#timers.unsubscribe();
    this.#due.close();
  }

  get #behind(): boolean {
    return this.#intervals.nextTime <= this.#scheduler.now();
  }

  /**
   * Fires the ticks that are due, each with its nominal time, however late; those missed in a long stop as `afterDowntime`
   * says. At least one fires at each call, so that a clock that was set back does not stop the stream: batch times are logical.
   *
   * Ticks are created as they are needed: after a weekend there are millions.
   */
  #fire(): void {
    this.#intervals.leaveDue(this.#maxMissedBatches, this.#scheduler.now());
    let fired = 0;
    do this.#due.push(this.#intervals.take());
    while (this.#behind && this.#events.active() && ++fired < maxTicksPerTurn);
    // Where more are due and these have not been planned, the next come when they have.
    if (this.#events.active() && (!this.#behind || this.#due.idle)) this.#schedule();
  }

  #schedule(): void {
    const { nextTime, current } = this.#intervals;
    const delay = Math.min(Math.max(nextTime - this.#scheduler.now(), 0), current);
    this.#timers.remove(this.#next);
    this.#next.unsubscribe();
    this.#next = this.#scheduler.schedule(() => {
      if (this.#events.active()) this.#fire();
    }, delay);
    this.#timers.add(this.#next);
  }
}
