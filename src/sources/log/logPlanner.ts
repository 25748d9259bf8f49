import { ShareCarry } from '../../backpressure/shareCarry.js';
import { sumOf } from '../../collections/sumOf.js';
import type { Plan, PlanRequest } from '../source.js';
import type { PollBounds } from './longPolls.js';
import type { PartitionState } from './partitionState.js';
import type { LogRange } from './pendingRanges.js';
import { ReadingPace } from './readingPace.js';
import { recordsPerPartition } from './recordsPerPartition.js';
import type { ResolvedLogSourceOptions } from './resolveLogSourceOptions.js';

/** Bounds on what is fetched beyond the plan: absolute, and as a fraction of the byte budget. */
const maxBytesBeyondPlan = 8 * 1024 * 1024;
const maxFractionBeyondPlan = 1 / 8;

/** What is known before a batch is planned. */
export interface PlanBudget {
  /** Records a second, as the controller allows; `undefined` for no limit. */
  readonly allowed: number | undefined;
  /** The same, or what can be read within the interval. */
  readonly rate: number | undefined;
  /** How many records the batch may have; Infinity for all that wait. */
  readonly records: number;
}

/** What a partition contributes to a batch. */
interface Part {
  readonly state: PartitionState;
  /** Offsets of its range. */
  readonly offsets: number;
  /** Records that the range may have. */
  readonly maxRecords: number;
}

/**
 * Turns the rate of a batch into offset ranges. Rates, caps and shares count records; what a partition holds is known in
 * offsets, so its density converts between the two. A range that turns out to hold more than `limits` is cut when it is read.
 */
export class LogPlanner {
  readonly #options: ResolvedLogSourceOptions<unknown>;
  readonly #carry = new ShareCarry();
  readonly #pace = new ReadingPace();

  constructor(options: ResolvedLogSourceOptions<unknown>) {
    this.#options = options;
  }

  /** A batch with that many records took so long to read, in ms. */
  measure(records: number, elapsed: number): void {
    this.#pace.measure(records, elapsed);
  }

  /** How much the next batch may have; asked for once a batch. */
  budget(states: readonly PartitionState[], { rate, interval }: PlanRequest): PlanBudget {
    const waiting = sumOf(states, (state) => state.waiting);
    const allowed = rate(waiting);
    const used = allowed ?? this.#paceRate(states, waiting, interval);
    const byRate = used === undefined ? waiting : (used * interval) / 1_000;
    const bytes = sumOf(states, (state) => state.waiting * state.recordBytes);
    const byBytes = (this.#options.maxBytesPerBatch * waiting) / Math.max(bytes, 1);
    const records = Math.floor(Math.min(byRate, byBytes));
    return { allowed, rate: used, records: records >= waiting ? Infinity : records };
  }

  /** Plans each partition; the caller moves `planned` of its state on. `wanted`: the records of each up to the time of the batch. */
  plan(
    states: readonly PartitionState[],
    { interval, late }: PlanRequest,
    { allowed, rate }: PlanBudget,
    wanted?: readonly number[],
  ): Plan {
    const parts = this.#parts(states, rate, interval, wanted);
    const ranges = parts.map(({ state, offsets }): LogRange => {
      const { topic, partition, planned, jumps, identity } = state;
      const until = planned + offsets;
      const found = state.endAt(until);
      // A tick that is late does not know what there was in its time; where the stream ends is the same at all times.
      const end = (found === 'ended' || !late) && { end: found };
      return {
        topic,
        partition,
        from: planned,
        until,
        ...identity,
        ...end,
        ...state.decidedEnd,
        ...(jumps && { jumps }),
      };
    });
    this.#readBeyondPlan(parts, allowed);
    return {
      ranges,
      ends: states.map(({ latest }) => latest),
      lag: sumOf(states, ({ lag }) => lag) - sumOf(parts, ({ offsets }) => offsets),
      rate: allowed,
      limits: { maxBytes: this.#options.maxBytesPerBatch, maxRecords: parts.map(({ maxRecords }) => maxRecords) },
    };
  }

  /** What may be read before the next batch is planned, at the rate of this one. */
  nextBounds({ time, interval }: PlanRequest, rate: number | undefined): PollBounds {
    const { maxRatePerPartition, maxBytesPerBatch, maxBufferedBytes } = this.#options;
    const perInterval = (perSecond: number | undefined) =>
      perSecond === undefined ? Infinity : Math.floor((perSecond * interval) / 1_000);
    return {
      nextTick: time + interval,
      interval,
      maxRecords: perInterval(rate),
      maxRecordsPerPartition: perInterval(maxRatePerPartition),
      maxBytes: Math.min(maxBytesBeyondPlan, maxBufferedBytes * maxFractionBeyondPlan, maxBytesPerBatch),
    };
  }

  #parts(
    states: readonly PartitionState[],
    rate: number | undefined,
    interval: number,
    wanted: readonly number[] | undefined,
  ): readonly Part[] {
    const { maxRatePerPartition, minRatePerPartition, rateSharing, maxBytesPerBatch } = this.#options;
    const lags = states.map(({ waiting, recordBytes }, i) => {
      return { lag: waiting, recordSize: recordBytes, wanted: wanted?.[i] };
    });
    const carry = this.#carry;
    const bounds = { maxRatePerPartition, minRatePerPartition, rateSharing, maxBytesPerBatch };
    const counts = recordsPerPartition(lags, { rate, interval, carry, ...bounds });
    this.#carry.planned(rate, interval, counts);
    const cap = maxRatePerPartition === undefined ? Infinity : Math.max(1, (maxRatePerPartition * interval) / 1_000);
    const allowed = rate === undefined ? Infinity : (rate * interval) / 1_000;
    const spare = Math.max(allowed - sumOf(counts, (count) => count), 0) / Math.max(states.length, 1);
    return states.map((state, i) => {
      const count = counts[i] ?? 0;
      if (count === 0) return { state, offsets: 0, maxRecords: 0 };
      if (count < state.waiting) {
        return { state, offsets: Math.min(state.density.offsetsFor(count), state.lag), maxRecords: count };
      }
      // All that waits, which is an estimate: it may have as many more as the rate leaves.
      return { state, offsets: state.lag, maxRecords: Math.max(count, Math.floor(Math.min(count + spare, cap))) };
    });
  }

  /** Where no rate is set, the beginning of the next plan is fetched before its tick: it is expected to equal this one. */
  #readBeyondPlan(parts: readonly Part[], rate: number | undefined): void {
    const { maxRatePerPartition, maxBufferedBytes } = this.#options;
    const limited = rate !== undefined || maxRatePerPartition !== undefined;
    const bytes = sumOf(parts, ({ state, offsets }) => state.size.mean * offsets);
    const maxBytes = limited ? 0 : Math.min(maxBytesBeyondPlan, maxBufferedBytes * maxFractionBeyondPlan);
    const fraction = Math.min(1, maxBytes / Math.max(bytes, 1));
    for (const { state, offsets } of parts) state.ahead = Math.floor(offsets * fraction);
  }

  /** A rate by the reading pace; `undefined` when everything that waits can be read within the interval. */
  #paceRate(states: readonly PartitionState[], waiting: number, interval: number): number | undefined {
    const unread = ({ planned, position, density }: PartitionState) => (planned - position) * density.perOffset;
    const ahead = sumOf(states, (state) => Math.max(unread(state), 0));
    // Of the known sizes only: the others are guesses.
    const known = states.filter(({ size, lag }) => size.known && lag > 0);
    const size = sumOf(known, ({ recordBytes }) => recordBytes) / Math.max(known.length, 1);
    const max = this.#pace.maxRecords(interval, size, ahead);
    return waiting <= max ? undefined : (max * 1_000) / interval;
  }
}
