import type { DynamicInterval, IntervalSample } from '../backpressure/dynamicInterval.js';
import { firstBatchTime } from './batchTime.js';

/** Batches for which an interval that proved too short is not tried again. */
const refusalBatches = 20;

/** A batch that is due. */
export interface Tick {
  readonly time: number;
  /** How long the interval is that ends at `time`, in ms. */
  readonly interval: number;
}

/**
 * When the batches of one run are due: at every multiple of the interval, which may change between batches.
 *
 * A changing interval is always a divisor of the longest one. So every multiple of the longest is a batch time, whatever
 * the interval was before it, and windows of such multiples have their results on time. Between two intervals there may
 * be one batch that is shorter than both:
 *
 *     500 -> 1000     500   1000  1500  2000        3000        4000
 *                                      |changed at 1400: the next batch is due at the next multiple of 1000
 */
export class BatchIntervals {
  readonly #dynamic: DynamicInterval | undefined;
  /** What the interval may be, in ascending order. */
  readonly #allowed: readonly number[];
  #interval: number;
  #due = 0;
  /** The interval that turned out too short, and how many batches ago. */
  #refused = { interval: 0, age: 0 };
  #samples: readonly [] | readonly [last: IntervalSample, previous?: IntervalSample] = [];

  constructor(interval: number, dynamic: DynamicInterval | undefined) {
    this.#interval = interval;
    this.#dynamic = dynamic;
    this.#allowed = dynamic ? divisors(dynamic.maxInterval).filter((length) => length >= dynamic.minInterval) : [];
  }

  /** The interval of batches to come. */
  get current(): number {
    return this.#interval;
  }

  /** The longest interval, where intervals change. */
  get longest(): number | undefined {
    return this.#dynamic?.maxInterval;
  }

  /** Where slides are counted from, for a stream that begins now. */
  zeroTime(now: number): number {
    const interval = this.longest ?? this.#interval;
    return firstBatchTime(now, interval) - interval;
  }

  /** Begins, or goes on, after a batch of this time; without one at the next multiple after `now`. */
  start(lastTime: number | undefined, now: number): void {
    this.#due = lastTime ?? firstBatchTime(now, this.#interval) - this.#interval;
  }

  /** When the next batch is due. */
  get nextTime(): number {
    return firstBatchTime(this.#due, this.#interval);
  }

  /**
   * Passes over batches that are due at `now`, the oldest, until `max` are left. The first of those left then covers the time
   * of the ones passed over.
   */
  leaveDue(max: number, now: number): void {
    const due = Math.floor((now - this.nextTime) / this.#interval) + 1;
    if (due > max) this.#due += (due - max) * this.#interval;
  }

  take(): Tick {
    const time = this.nextTime;
    const interval = this.#dynamic ? time - this.#due : this.#interval;
    this.#due = time;
    return { time, interval };
  }

  /** A batch is complete; returns whether the interval changes. A batch from before a change, with another interval, is ignored. */
  completed(interval: number, processingTime: number): boolean {
    if (!this.#dynamic || interval !== this.#interval) return false;
    const [previous] = this.#samples;
    const last = { interval, processingTime };
    this.#samples = previous ? [last, previous] : [last];
    const wanted = this.#dynamic(last, previous);
    const next = this.#allowed.find((length) => length >= wanted) ?? this.#dynamic.maxInterval;
    if (next > interval) this.#refused = { interval, age: 0 };
    const before = this.#interval;
    this.#interval = next === interval ? this.#stepDown(last) : next;
    return this.#interval !== before;
  }

  /**
   * To the next shorter one, although it may be shorter than wanted, when even the same processing time would fit into it:
   * the steps are wide, and the search would come to rest far above its fixed point.
   */
  #stepDown({ interval, processingTime }: IntervalSample): number {
    const shorter = this.#allowed[this.#allowed.indexOf(interval) - 1] ?? interval;
    const refused = shorter <= this.#refused.interval && this.#refused.age++ < refusalBatches;
    return refused || processingTime > shorter ? interval : shorter;
  }
}

function divisors(value: number): number[] {
  const small: number[] = [];
  const large: number[] = [];
  for (let divisor = 1; divisor * divisor <= value; divisor++) {
    if (value % divisor !== 0) continue;
    small.push(divisor);
    if (divisor * divisor !== value) large.unshift(value / divisor);
  }
  return [...small, ...large];
}
