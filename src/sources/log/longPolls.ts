import { sumOf } from '../../collections/sumOf.js';
import { maxPartitionBytes, maxRequestBytes, sampleBytes } from './fetchBounds.js';
import type { FetchRequest } from './logClient.js';
import type { PartitionState } from './partitionState.js';

/** The longest that a broker may wait for records: one that is silent is noticed that much later. */
const maxWaitMs = 1_000;
const minWaitMs = 100;
/** A poll that brings nothing ends this long after the tick: ending just before it, it would be followed by another one for nothing. */
const afterTickMs = 20;
/** After an answer with records, the next poll waits for this part of the interval, and no longer than this: it brings more at once. */
const pauseFraction = 1 / 4;
const maxPauseMs = 250;
/** By then the last poll before a tick is under way; of a short interval, this part of it before the tick. */
const beforeTickMs = 5;
const beforeTickFraction = 1 / 10;
/** Ends that no poll keeps up to date are known for this part of the interval. */
const knownFraction = 1 / 4;
/** How much later than it should an answer may come. */
const graceMs = 1_000;
/** An answer without records this much before its time is no answer: a broker that limits reading returns such, or one that is confused. */
const earlyMs = 50;

/** What may be read before it is planned. */
export interface PollBounds {
  /** When the next batch is due, by the clock of the stream. */
  readonly nextTick: number;
  readonly interval: number;
  /** Records of all partitions; Infinity without a rate. */
  readonly maxRecords: number;
  /** Records of one partition. */
  readonly maxRecordsPerPartition: number;
  readonly maxBytes: number;
}

/** A request that waits for records. */
export interface Poll {
  readonly requests: readonly FetchRequest[];
  readonly maxWait: number;
  /** How long it is waited for, in ms. */
  readonly patience: number;
  /** Over all its partitions. */
  readonly maxBytes: number;
}

/**
 * Decides what is polled: once a plan has everything that is known, one request to each broker waits for the records of the next batch.
 * While polls are under way the ends of the partitions are known without asking. Whatever is out of the ordinary stops polling until the next plan.
 */
export class LongPolls {
  #bounds: PollBounds | undefined;
  /** By partition: when the poll that is under way will have been answered, if its broker is there. */
  readonly #answeredBy = new Map<string, number>();
  /** By partition. */
  readonly #heardAt = new Map<string, number>();
  readonly #epochs = new Map<string, number>();
  /** By broker, when it last brought records. */
  readonly #broughtAt = new Map<string, number>();

  /** Everything known is planned: what comes now is for the next batch. */
  start(bounds: PollBounds): void {
    this.#bounds = bounds;
  }

  stop(): void {
    this.#bounds = undefined;
  }

  get polling(): boolean {
    return this.#bounds !== undefined;
  }

  /** A leader of this epoch has said where the partition ends: what is planned is compared with each leader, when ends are asked for. */
  heard({ key }: PartitionState, leaderEpoch: number | undefined, now: number): void {
    this.#heardAt.set(key, now);
    const before = this.#epochs.get(key);
    if (leaderEpoch === undefined || leaderEpoch === before) return;
    this.#epochs.set(key, leaderEpoch);
    if (before !== undefined) this.stop();
  }

  /** Whether the ends of these partitions are known as they are now, and everything before them has been read. */
  know(states: readonly PartitionState[], now: number): boolean {
    const bounds = this.#bounds;
    if (!bounds) return false;
    const since = now - bounds.interval * knownFraction;
    return states.every(({ key, latest, fetchFrom }) => {
      if (fetchFrom < latest) return false;
      return now <= (this.#answeredBy.get(key) ?? -Infinity) || (this.#heardAt.get(key) ?? -Infinity) >= since;
    });
  }

  /** How long the next poll of a broker waits, in ms. */
  delay(broker: string, states: readonly PartitionState[], now: number): number {
    const { interval } = this.#bounds as PollBounds;
    const next = this.#nextTick(now);
    const isThere = states.some(({ latest, fetchFrom }) => fetchFrom < latest);
    const pause = isThere ? 0 : Math.min(interval * pauseFraction, maxPauseMs);
    const paused = (this.#broughtAt.get(broker) ?? -Infinity) + pause;
    const last = next - Math.min(beforeTickMs, interval * beforeTickFraction);
    return Math.max(next - maxWaitMs, Math.min(paused, last)) - now;
  }

  /**
   * What to ask of a broker that leads these partitions; `undefined` where nothing more may be read before the next plan. `free` is
   * what the buffer leaves, `brokers` how many share the bounds.
   */
  next(states: readonly PartitionState[], free: number, brokers: number, now: number): Poll | undefined {
    const bounds = this.#bounds as PollBounds;
    const bytesAhead = sumOf(states, (state) => offsetsAhead(state) * state.size.mean);
    const records = Math.floor(bounds.maxRecords / brokers) - sumOf(states, recordsAhead);
    const bytes = Math.min(bounds.maxBytes / brokers - bytesAhead, maxRequestBytes, free);
    if (records <= 0 || bytes < 1) return undefined;
    const requests = states.map((state): FetchRequest => {
      const left = bounds.maxRecordsPerPartition - recordsAhead(state);
      const size = bytesOf(state, Math.max(Math.min(records, left), 0));
      return { ...state.fetchPosition, maxBytes: Math.floor(Math.min(size, maxPartitionBytes, bytes)), optional: true };
    });
    // One record batch is returned at least: of a partition that is at its cap too.
    if (requests.some(({ maxBytes }) => maxBytes < 1)) return undefined;
    const ofRecords = Math.min(...states.map((state) => bytesOf(state, records)));
    const wait = Math.ceil(this.#nextTick(now) - now + afterTickMs);
    const maxWait = Math.min(Math.max(wait, minWaitMs), maxWaitMs + afterTickMs);
    return {
      requests,
      maxWait,
      patience: maxWait + graceMs,
      maxBytes: Math.max(1, Math.floor(Math.min(bytes, ofRecords))),
    };
  }

  sent(states: readonly PartitionState[], { patience }: Poll, now: number): void {
    for (const { key } of states) this.#answeredBy.set(key, now + patience);
  }

  /** An answer came for this partition, or none will. */
  settled(key: string): void {
    this.#answeredBy.delete(key);
  }

  /** A broker has answered. */
  answered(broker: string, withRecords: boolean, waitsUntil: number, now: number): void {
    if (withRecords) this.#broughtAt.set(broker, now);
    else if (now < waitsUntil - earlyMs) this.stop();
  }

  /** The next tick that is to come, also where a plan is late. */
  #nextTick(now: number): number {
    const { nextTick, interval } = this.#bounds as PollBounds;
    return now < nextTick ? nextTick : nextTick + (Math.floor((now - nextTick) / interval) + 1) * interval;
  }
}

/** What has been read and is in no plan. */
function offsetsAhead({ fetchFrom, planned }: PartitionState): number {
  return Math.max(fetchFrom - planned, 0);
}

function recordsAhead(state: PartitionState): number {
  return state.density.recordsIn(offsetsAhead(state));
}

/** The bytes of that number of records; a sample where the size of a record is not known yet. */
function bytesOf({ size, density }: PartitionState, records: number): number {
  if (!size.known && records > 0) return sampleBytes;
  return size.bytesFor(density.offsetsFor(records));
}
