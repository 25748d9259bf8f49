import { defer, last, map, mergeMap, type Observable, of } from 'rxjs';
import { partitionKey } from '../../batch/topicPartition.js';
import { sumOf } from '../../collections/sumOf.js';
import type { LogClient } from './logClient.js';
import type { PartitionState } from './partitionState.js';

/** What is asked of the log for one batch at most. */
const mostRequests = 3;
/** The part of a budget that is tried for, and the least that is good enough. */
const aimed = 0.9;
const enough = 0.7;
/** How much longer a span may get from one request to the next, where little was found. */
const mostGrowth = 16;
/** How far the first request goes beyond the oldest record. */
const firstSpanMs = 1_000;

/** How far a request has found the log to go. */
interface Found {
  /** Until this time, in ms. */
  readonly time: number;
  /** The records of each partition until then. */
  readonly counts: readonly number[];
  readonly total: number;
}

/**
 * Plans partitions up to the same time: asks the log how many records each has before a time, and looks for the time until which there are
 * about as many as a batch may have. So what belongs together is read together, whatever the densities of the partitions, and a
 * window by event time is not held open by partitions that are behind.
 *
 * It decides about one batch at a time and pauses nothing: a partition whose next record is far in the future gets its one record, too.
 */
export class TimeAlignment {
  readonly #client: Pick<LogClient, 'offsets'>;
  /** The time up to which all partitions are planned, in ms. */
  #reached: number | undefined;
  /** How far the last batch went, in ms. */
  #span = firstSpanMs;

  constructor(client: Pick<LogClient, 'offsets'>) {
    this.#client = client;
  }

  /** Everything that waits is planned: what comes later begins wherever it does. */
  caughtUp(): void {
    this.#reached = undefined;
  }

  /**
   * The records of each partition up to a time, about `budget` in all; `undefined` while no record has been read from a partition that has
   * some, so that nothing is known of its times.
   */
  counts(states: readonly PartitionState[], budget: number): Observable<readonly number[] | undefined> {
    const lagging = states.filter(({ lag }) => lag > 0);
    const times = lagging.map(({ time }) => time);
    if (lagging.length === 0 || times.includes(undefined)) return of(undefined);
    const oldest = Math.min(...(times as number[]));
    const begin = Math.max(this.#reached ?? oldest, oldest);
    return this.#search(states, { begin, span: this.#span, budget }, []).pipe(
      map((tried) => this.#choose(tried, begin, budget)),
    );
  }

  #search(
    states: readonly PartitionState[],
    { begin, span, budget }: { readonly begin: number; readonly span: number; readonly budget: number },
    tried: readonly Found[],
  ): Observable<readonly Found[]> {
    return this.#find(states, Math.ceil(begin + span), budget).pipe(
      mergeMap((found) => {
        const all = [...tried, found];
        const isGood = found.total >= enough * budget && found.total <= budget;
        if (isGood || all.length === mostRequests) return of(all);
        const factor = Math.min((aimed * budget) / Math.max(found.total, 1), mostGrowth);
        return this.#search(states, { begin, span: Math.max(span * factor, 1), budget }, all);
      }),
    );
  }

  /** The one with the most records that the budget has room for. If none has room, the smallest: it will be cut. */
  #choose(tried: readonly Found[], begin: number, budget: number): readonly number[] {
    const fitting = tried.filter(({ total }) => total <= budget);
    const most = (a: Found, b: Found) => (b.total > a.total || (b.total === a.total && b.time > a.time) ? b : a);
    const least = (a: Found, b: Found) => (b.total < a.total ? b : a);
    const chosen = fitting.length > 0 ? fitting.reduce(most) : tried.reduce(least);
    const fraction = Math.min(1, budget / Math.max(chosen.total, 1));
    const span = chosen.time - begin;
    // A batch that is cut goes as far as the budget, if records are spread evenly.
    this.#reached = fraction < 1 ? begin : chosen.time;
    const next = (span * aimed * budget) / Math.max(chosen.total, 1);
    this.#span = Math.max(1, Math.min(next, span * mostGrowth));
    return chosen.counts;
  }

  #find(states: readonly PartitionState[], until: number, budget: number): Observable<Found> {
    const waiting = sumOf(states, (state) => state.waiting);
    return defer(() => this.#client.offsets(states, { timestamp: until }, { partial: true })).pipe(
      last(undefined, []),
      map((positions) => {
        const offsets = new Map(positions.map((position) => [partitionKey(position), position.offset]));
        const counts = states.map((state) => {
          const { key, planned, lag, density, time = Infinity } = state;
          // One that does not answer is not read far.
          const offset = offsets.get(key) ?? planned;
          // A record that has been read is of this time or later, and the last one is not: a time far in the future, after which
          // the index finds nothing else.
          if (offset < planned && time < until) return Math.floor((budget * state.waiting) / Math.max(waiting, 1));
          return density.recordsIn(Math.min(Math.max(offset - planned, 0), lag));
        });
        return { time: until, counts, total: sumOf(counts, (count) => count) };
      }),
    );
  }
}
