import type { BatchContext } from '../../batch/batchContext.js';

/** A record without a valid event time. */
export interface Refusal {
  readonly record: unknown;
  readonly reason: 'invalid' | 'future';
  /** What is wrong with it, for messages. */
  readonly rule: string;
}

/** What decides whether the event time of a record is valid; durations in ms. */
interface TimeRule<T> {
  readonly timestamp: (record: T) => number;
  readonly future?: number | undefined;
  readonly arrival?: ((record: T) => number) | undefined;
}

const defaultFutureMs = 3_600_000;

/** An event time between these is taken for seconds, where the clock shows milliseconds since the epoch: 1973 to 5138 in seconds. */
const leastSeconds = 1e8;
const mostSeconds = 1e11;
const leastEpochMs = 1e12;

/** Reads the event times of the records of one batch. */
export class TimeReader<T> {
  readonly timestamp: (record: T) => number;
  /** A number from 0 up to this is valid without further checks. Below 0 where each has to be checked. */
  limit = -1;
  readonly #future: number;
  readonly #arrival: ((record: T) => number) | undefined;
  readonly #batchTime: number;
  #checksUnit: boolean;

  constructor({ timestamp, future = defaultFutureMs, arrival }: TimeRule<T>, { time }: BatchContext) {
    this.timestamp = timestamp;
    this.#future = future;
    this.#arrival = future === Infinity ? undefined : arrival;
    this.#batchTime = time;
    // Whether the unit is wrong shows at the first record.
    this.#checksUnit = time >= leastEpochMs;
  }

  /** What is wrong with a time that is not within the limit; `undefined` if nothing is. */
  check(record: T, time: unknown): Refusal | undefined {
    if (typeof time !== 'number' || !Number.isFinite(time) || time < 0) {
      return { record, reason: 'invalid', rule: `has an event time (${shown(time)}) that ${faultOf(time)}` };
    }
    const latest = this.#latest(record);
    if (time > latest) return { record, reason: 'future', rule: tooLate(time, latest, this.#batchTime) };
    if (this.#checksUnit && time >= leastSeconds && time < mostSeconds) {
      return { record, reason: 'invalid', rule: inSeconds(time) };
    }
    this.#checksUnit = false;
    if (!this.#arrival) this.limit = latest;
    return undefined;
  }

  #latest(record: T): number {
    if (this.#future === Infinity) return Number.MAX_VALUE;
    if (!this.#arrival) return this.#batchTime + this.#future;
    const arrived = this.#arrival(record);
    // Compared with NaN no event time would be valid, and the message would blame the event time.
    return Number.isFinite(arrived) ? arrived + this.#future : Number.MAX_VALUE;
  }
}

function tooLate(time: number, latest: number, batchTime: number): string {
  const beyond = `has an event time (${time}) beyond ${latest}, the latest that \`future\` allows`;
  if (batchTime >= leastEpochMs || time < leastEpochMs) return beyond;
  return `${beyond}; batch times begin near 0 here (${batchTime}): set \`future: Infinity\`, or use times near 0`;
}

function faultOf(time: unknown): string {
  // biome-ignore lint/style/noRestrictedGlobals: asks for the type of a value, not for the time
  if (time instanceof Date) return 'is a Date: return its getTime()';
  if (typeof time === 'string') return 'is a string: return Date.parse() of it';
  if (typeof time === 'bigint') return 'is a bigint: return Number() of it';
  if (typeof time === 'number' && time < 0) return 'is before the epoch; a log that has no timestamp returns -1';
  return 'is no finite number of milliseconds since the epoch';
}

function inSeconds(time: number): string {
  return `has an event time (${time}) that looks like seconds: return milliseconds since the epoch`;
}

function shown(time: unknown): string {
  return typeof time === 'string' ? JSON.stringify(time) : String(time);
}
