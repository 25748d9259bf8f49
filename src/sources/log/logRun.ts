import {
  concat,
  defer,
  EMPTY,
  from,
  last,
  map,
  mergeMap,
  Observable,
  type ObservableInput,
  of,
  Subscription,
  tap,
} from 'rxjs';
import { ShareCarry } from '../../backpressure/shareCarry.js';
import { UnknownTopicError } from '../../batch/errors.js';
import { positionAfter } from '../../batch/logIdentity.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import { partitionKey, type TopicPartition, type TopicPartitionOffset } from '../../batch/topicPartition.js';
import type { Fetched, Plan, PlanRequest, SourceRun, SourceSetup, SourceStatus } from '../source.js';
import type { BatchCursor } from './batchCursor.js';
import { BatchReading } from './batchReading.js';
import { checkIdentity } from './checkIdentity.js';
import { endPositions } from './endPositions.js';
import { leavingPartitions } from './leavingPartitions.js';
import { isOtherTopic, type LogBreak } from './logBreak.js';
import type { LogClient, LogPartition } from './logClient.js';
import { PartitionState } from './partitionState.js';
import { ReadAhead } from './readAhead.js';
import { ReadingPace } from './readingPace.js';
import { recordsPerPartition } from './recordsPerPartition.js';
import type { ResolvedLogSourceOptions } from './resolveLogSourceOptions.js';
import { skippedRecords } from './skippedRecords.js';
import { checkRange, placeOf, startPositions } from './startPositions.js';
import { TraceParents } from './traceParents.js';

/** How often offsets that have not moved are committed too: Kafka deletes them after a week without a commit. */
const commitAllIntervalMs = 3_600_000;

/** Bounds on what is fetched beyond the plan: absolute, and as a fraction of the byte budget. */
const maxBytesBeyondPlan = 8 * 1024 * 1024;
const maxFractionBeyondPlan = 1 / 8;

/** Called for each batch. */
export type NewCursor<R> = (
  setup: Pick<SourceSetup, 'scheduler' | 'keepOffsets'>,
  traceParents?: TraceParents,
) => BatchCursor<R>;

/** An opened source over a log: plans ranges at each tick, reads them ahead, and decodes them when their batch is next. */
export class LogRun<R> implements SourceRun<R> {
  readonly #owner: string;
  readonly #client: LogClient;
  readonly #options: ResolvedLogSourceOptions<unknown>;
  readonly #newCursor: NewCursor<R>;
  readonly #setup: SourceSetup;
  readonly #states = new Map<string, PartitionState>();
  readonly #readAhead: ReadAhead;
  readonly #carry = new ShareCarry();
  #lost: OffsetRange[] = [];
  /** Where the log goes on after each range that has been read and not committed: the log may have changed meanwhile. */
  readonly #reached = new WeakMap<OffsetRange, TopicPartitionOffset>();
  #committed = new Map<string, number>();
  #commitAllAt = 0;
  #discoverAt = 0;
  readonly #pace = new ReadingPace();
  /** With `until`: a plan reads every partition to its end, and none follows. */
  #ended = false;

  constructor(
    owner: string,
    client: LogClient,
    options: ResolvedLogSourceOptions<unknown>,
    newCursor: NewCursor<R>,
    setup: SourceSetup,
  ) {
    this.#owner = owner;
    this.#client = client;
    this.#options = options;
    this.#newCursor = newCursor;
    this.#setup = setup;
    this.#readAhead = new ReadAhead(client, this.#states, options, setup.scheduler, setup.fetched);
  }

  snapshot(): SourceStatus {
    const partitions = Array.from(this.#active, ({ topic, partition, start, planned, latest, buffered }) => {
      return { topic, partition, start, planned, end: Math.max(latest, planned), bufferedBytes: buffered };
    });
    const { groupId, commitOffsets } = this.#options;
    return {
      partitions,
      bufferedBytes: sum(partitions, ({ bufferedBytes }) => bufferedBytes),
      client: { ...this.#client.describe?.(), groupId: commitOffsets ? groupId : undefined },
    };
  }

  /** Connects and finds where each partition starts. */
  open(): Observable<unknown> {
    const { restored, replay, scheduler, outputsReady = EMPTY } = this.#setup;
    return concat(
      defer(() => this.#client.connect()),
      defer(() => this.#partitions()).pipe(
        mergeMap((partitions) =>
          leavingPartitions(this.#client, partitions, replay.flat(), this.#options.offsetOutOfRange).pipe(
            map(({ leaving, lost }) => ({ partitions, leaving, gone: lost })),
          ),
        ),
        mergeMap(({ partitions, leaving, gone }) => {
          const all = [...partitions, ...leaving];
          return startPositions(
            this.#owner,
            this.#client,
            all,
            { ...this.#options, outputsReady },
            restored,
            replay.flat(),
          ).pipe(
            tap(({ positions, lost }) => {
              const left = new Set(leaving.map(partitionKey));
              for (const position of positions) this.#add(position).leaving = left.has(partitionKey(position));
              for (const ranges of replay) this.#planned(ranges);
              this.#lost.push(...gone, ...lost);
              this.#discoverAt = scheduler.now() + this.#options.discoverInterval;
            }),
          );
        }),
      ),
      defer(() => this.#findEnds()),
    );
  }

  plan(request: PlanRequest): Observable<Plan> {
    if (this.#ended) return EMPTY;
    const steps = [() => this.#discover(), () => this.#hearLatest(), () => this.#learnSizes()];
    return concat(...steps.map(defer), of(undefined)).pipe(
      last(),
      map(() => this.#planRanges(request)),
    );
  }

  fetch({ ranges, ends }: Plan): Observable<Fetched<R>> {
    return new Observable((subscriber) => {
      const begun = this.#setup.scheduler.now();
      const states = ranges.map((range) => [range, this.#stateFor(range)] as const);
      const { maxTraceParents = 0 } = this.#setup;
      const traceParents = maxTraceParents > 0 ? new TraceParents(maxTraceParents) : undefined;
      const cursor = this.#newCursor(this.#setup, traceParents);
      const reading = new BatchReading(states, cursor, this.#setup.scheduler);
      let finishing = false;
      const fail = (error: unknown) => subscriber.error(error);
      const run = (): void => {
        if (subscriber.closed || finishing) return;
        try {
          if (reading.run(subscription, run, fail)) finish();
          else this.#readAhead.prioritize(reading.open);
        } catch (error) {
          fail(error);
        }
      };
      // An invalid record is handed over before the offset behind it can be committed.
      const finish = (): void => {
        finishing = true;
        if (cursor.pending.size === 0) done();
        else subscription.add(cursor.pending.settled().subscribe({ error: fail, complete: done }));
      };
      const done = (): void => {
        const positions = states.map(([range, state]) => this.#settle(range, state));
        this.#readAhead.prioritize([]);
        const elapsed = this.#setup.scheduler.now() - begun;
        const traced = traceParents && { traceParents: traceParents.values };
        subscriber.next({
          ...this.#fetched(reading, cursor),
          positions,
          progress: progressOf(states, ends),
          ...traced,
        });
        // Operators run during `complete`: that is when lazily decoded records are read.
        subscriber.complete();
        cursor.release();
        this.#pace.measure(cursor.records, elapsed + cursor.elapsed);
      };
      const subscription: Subscription = new Subscription();
      subscription.add(cursor.pending);
      subscription.add(this.#readAhead.arrivals.subscribe({ next: run, error: fail }));
      run();
      return subscription;
    });
  }

  commit(ranges: readonly OffsetRange[]): ObservableInput<unknown> {
    const { groupId, commitOffsets } = this.#options;
    if (groupId === undefined || !commitOffsets) return EMPTY;
    const now = this.#setup.scheduler.now();
    const all = now >= this.#commitAllAt;
    if (all) this.#commitAllAt = now + commitAllIntervalMs;
    const reached = ranges.map((range) => this.#reached.get(range) ?? positionAfter(range));
    const moved = reached.filter((position) => all || this.#committed.get(partitionKey(position)) !== position.offset);
    if (moved.length === 0) return EMPTY;
    for (const position of moved) this.#committed.set(partitionKey(position), position.offset);
    return this.#client.commit(groupId, moved);
  }

  close(): ObservableInput<unknown> {
    this.#readAhead.close();
    return this.#client.close();
  }

  /** With `until`: finds where each partition ends. One that was planned to its end before a restart has that end still. */
  #findEnds(): Observable<unknown> {
    const { until } = this.#options;
    if (until === undefined) return EMPTY;
    const { replay } = this.#setup;
    const planned = new Map(replay.flat().map((range) => [partitionKey(range), range]));
    const starts = this.#active.map(({ topic, partition, planned: offset }) => {
      return { topic, partition, offset };
    });
    return endPositions(this.#owner, this.#client, starts, until).pipe(
      tap((ends) => {
        for (const state of this.#active) {
          const range = planned.get(state.key);
          state.bound = range?.end === 'ended' ? range.until : (ends.get(state.key) ?? Infinity);
        }
        this.#ended = replay.length > 0 && this.#allEnded;
      }),
    );
  }

  /** Whether every partition has been planned to its end. */
  get #allEnded(): boolean {
    return this.#active.every(({ planned, bound }) => planned >= bound);
  }

  #partitions(): ObservableInput<readonly LogPartition[]> {
    const { topics, partitions } = this.#options;
    if (topics) return this.#client.partitions(topics);
    // Explicit partitions are looked up too: one that does not exist is an error and not an endless wait.
    const wanted = partitions ?? [];
    return from(this.#client.partitions([...new Set(wanted.map(({ topic }) => topic))])).pipe(
      last(),
      map((existing) => selectPartitions(existing, wanted)),
    );
  }

  #add(position: TopicPartitionOffset): PartitionState {
    const state = new PartitionState(position);
    this.#states.set(state.key, state);
    return state;
  }

  /** The state of a planned range; one that leaves nothing to read for a partition that is not there any more. */
  #stateFor(range: OffsetRange): PartitionState {
    return this.#states.get(partitionKey(range)) ?? new PartitionState(positionAfter(range));
  }

  #planned(ranges: readonly OffsetRange[]): void {
    for (const range of ranges) {
      // One that is absent has been lost.
      this.#states.get(partitionKey(range))?.plan(range);
    }
  }

  /** A range has been read. A partition that is not read any more has nothing left when its last range has been. */
  #settle(range: OffsetRange, state: PartitionState): TopicPartitionOffset {
    const position = state.settle(range);
    this.#reached.set(range, position);
    if (state.leaving && !state.pending) state.drop();
    return position;
  }

  /** The partitions that are planned. */
  get #active(): readonly PartitionState[] {
    return [...this.#states.values()].filter(({ leaving }) => !leaving);
  }

  /** Adds new partitions, and new topics that match a pattern. They start at the earliest offset: everything in them is new. */
  #discover(): Observable<unknown> {
    const { scheduler } = this.#setup;
    if (!this.#options.topics || this.#options.until || scheduler.now() < this.#discoverAt) return EMPTY;
    this.#discoverAt = scheduler.now() + this.#options.discoverInterval;
    return from(this.#client.partitions(this.#options.topics)).pipe(
      last(),
      mergeMap((partitions) => {
        const added = partitions.filter((partition) => !this.#states.has(partitionKey(partition)));
        return added.length === 0 ? EMPTY : from(this.#client.offsets(added, 'earliest'));
      }),
      tap((positions) => {
        for (const position of positions) this.#add(placeOf(position));
      }),
    );
  }

  #hearLatest(): Observable<unknown> {
    const states = this.#active;
    if (states.length === 0) return EMPTY;
    return from(this.#client.offsets(states, 'latest')).pipe(
      last(undefined, []),
      mergeMap((heard) => {
        const found = heard.map((latest) => [this.#stateOf(latest), latest] as const);
        const checked = checkIdentity(this.#client, found, (state, other) => this.#breakOff(state, other));
        return concat(
          checked,
          defer(() => this.#checkTruncated()),
        ).pipe(last(undefined, undefined));
      }),
    );
  }

  #breakOff(state: PartitionState, found: LogBreak): void {
    this.#lost.push(...state.breakOff(found, this.#options.offsetOutOfRange));
    // A batch may be waiting for records that will never arrive.
    this.#readAhead.arrivals.next();
  }

  /** A log that ends before what is planned or received was truncated, or recreated where topics have no ids. */
  #checkTruncated(): Observable<unknown> {
    const ahead = this.#active.filter((state) => state.latest < Math.max(state.planned, state.fetchFrom));
    if (ahead.length === 0) return EMPTY;
    // Records may have arrived since the end was asked for, so it is asked for again.
    const received = new Map(ahead.map((state) => [state, state.fetchFrom]));
    return from(this.#client.offsets(ahead, 'latest')).pipe(
      tap((positions) => {
        for (const position of positions) {
          const state = this.#stateOf(position);
          if (isOtherTopic(state.topicId, position.topicId)) continue;
          state.heard(position);
          if (state.latest < (received.get(state) ?? 0)) state.drop();
        }
      }),
      last(),
      mergeMap(() => this.#giveUp(ahead.filter((state) => state.latest < state.planned))),
    );
  }

  /** Gives up planned ranges that are not in the logs any more. */
  #giveUp(states: readonly PartitionState[]): Observable<unknown> {
    const positions = states.map(({ topic, partition, planned }) => ({ topic, partition, offset: planned }));
    return checkRange(this.#client, positions, this.#options.offsetOutOfRange).pipe(
      tap(({ positions, lost }) => {
        for (const range of lost) this.#lost.push(range);
        for (const position of positions) this.#stateOf(position).moveTo(position.offset);
        // A batch may be waiting for records that will never arrive.
        if (positions.length > 0) this.#readAhead.arrivals.next();
      }),
    );
  }

  /** Reads the first records of partitions that have never been read, so that a batch can be bounded by bytes. */
  #learnSizes(): Observable<unknown> {
    return new Observable((subscriber) => {
      const unknown = this.#active.filter((state) => state.lag > 0 && !state.size.known);
      const look = () => {
        if (!unknown.some((state) => state.sampling)) subscriber.complete();
      };
      if (unknown.length > 0) {
        const fail = (error: unknown) => subscriber.error(error);
        subscriber.add(this.#readAhead.arrivals.subscribe({ next: look, error: fail }));
        this.#readAhead.sample(unknown);
      }
      look();
    });
  }

  /**
   * The rate becomes records per partition, and these become ranges. `planned` of each partition moves on, so that `pump` then
   * fetches the difference: its records times their mean size are the max bytes of the Fetch.
   */
  #planRanges({ rate, interval, late }: PlanRequest): Plan {
    const states = this.#active;
    const waiting = sum(states, ({ lag }) => lag);
    const allowed = rate(waiting);
    const partitions = states.map(({ lag, size, time }) => ({ lag, recordSize: size.mean, time }));
    const limit = allowed ?? this.#paceRate(waiting, interval);
    const counts = recordsPerPartition(partitions, { ...this.#options, rate: limit, interval, carry: this.#carry });
    this.#carry.planned(limit, interval, counts);
    const ranges = states.map((state, i) => {
      const { topic, partition, planned } = state;
      const until = planned + (counts[i] ?? 0);
      const end = state.endAt(until);
      // A tick that is late does not know what there was in its time; where the stream ends is the same at all times.
      const known = (end === 'ended' || !late) && { end };
      return { topic, partition, from: planned, until, ...state.identity, ...known };
    });
    this.#planned(ranges);
    this.#ended = this.#options.until !== undefined && this.#allEnded;
    this.#readBeyondPlan(counts, allowed);
    this.#readAhead.pump();
    const ends = states.map(({ latest }) => latest);
    return { ranges, ends, lag: waiting - sum(counts, (count) => count), rate: allowed };
  }

  /** Where no rate is set, the beginning of the next plan is fetched before its tick: it is expected to equal this one. */
  #readBeyondPlan(counts: readonly number[], rate: number | undefined): void {
    const { maxRatePerPartition, maxBufferedBytes } = this.#options;
    const limited = rate !== undefined || maxRatePerPartition !== undefined;
    const states = this.#active;
    const bytes = states.reduce((total, { size }, i) => total + size.mean * (counts[i] ?? 0), 0);
    const maxBytes = limited ? 0 : Math.min(maxBytesBeyondPlan, maxBufferedBytes * maxFractionBeyondPlan);
    const fraction = Math.min(1, maxBytes / Math.max(bytes, 1));
    for (const [i, state] of states.entries()) state.ahead = Math.floor((counts[i] ?? 0) * fraction);
  }

  /** A rate by the reading pace; `undefined` when everything that waits can be read within the interval. */
  #paceRate(waiting: number, interval: number): number | undefined {
    const states = this.#active;
    const ahead = sum(states, ({ planned, position }) => Math.max(planned - position, 0));
    // Of the known sizes only: the others are guesses.
    const known = states.filter(({ size, lag }) => size.known && lag > 0);
    const size = sum(known, (state) => state.size.mean) / Math.max(known.length, 1);
    const max = this.#pace.maxRecords(interval, size, ahead);
    return waiting <= max ? undefined : (max * 1_000) / interval;
  }

  #fetched(reading: BatchReading<R>, { records, skipped }: BatchCursor<R>): Fetched<R> {
    const overshoot = reading.takeOvershoot();
    const lost = [...this.#lost.splice(0), ...this.#readAhead.takeLost()];
    return {
      partitions: reading.partitions,
      records,
      bytes: this.#readAhead.takeReceived(),
      overshootRecords: overshoot.records,
      overshootBytes: overshoot.bytes,
      ...skippedRecords(skipped),
      ...(lost.length > 0 && { lost }),
    };
  }

  #stateOf(partition: TopicPartition): PartitionState {
    return this.#states.get(partitionKey(partition)) as PartitionState;
  }
}

/** The progress of the partitions of a batch. For a replayed batch the ends are the present ones. */
function progressOf(
  states: readonly (readonly [OffsetRange, PartitionState])[],
  ends: readonly number[] | undefined,
): NonNullable<Fetched<unknown>['progress']> {
  return states.map(([{ topic, partition, from, until }, { latest, newestTimestamp }], i) => {
    const end = Math.max(ends?.[i] ?? latest, until);
    return { topic, partition, from, until, end, lag: end - until, newestTimestamp };
  });
}

function sum<E>(elements: readonly E[], of: (element: E) => number): number {
  return elements.reduce((total, element) => total + of(element), 0);
}

function selectPartitions(
  existing: readonly LogPartition[],
  wanted: readonly TopicPartition[],
): readonly LogPartition[] {
  const found = new Map(existing.map((partition) => [partitionKey(partition), partition]));
  return wanted.map((partition) => {
    const present = found.get(partitionKey(partition));
    if (!present) throw new UnknownTopicError(partitionKey(partition));
    return present;
  });
}
