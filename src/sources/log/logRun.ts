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
import { TimedOutError, UnknownTopicError } from '../../batch/errors.js';
import { positionAfter } from '../../batch/logIdentity.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import { partitionKey, type TopicPartition, type TopicPartitionOffset } from '../../batch/topicPartition.js';
import { topicsOf } from '../../batch/topicsOf.js';
import type { UnavailablePartition } from '../../batch/unavailablePartition.js';
import { sumOf } from '../../collections/sumOf.js';
import { Listener } from '../../observables/listener.js';
import { type Steps, stepped } from '../../observables/steps.js';
import type { Fetched, Narrow, Plan, PlanRequest, SourceRun, SourceSetup, SourceStatus } from '../source.js';
import { AwayPartitions } from './awayPartitions.js';
import type { BatchCursor } from './batchCursor.js';
import { BatchReading } from './batchReading.js';
import { checkIdentity } from './checkIdentity.js';
import { endPositions } from './endPositions.js';
import { leavingPartitions } from './leavingPartitions.js';
import { isOtherTopic, type LogBreak } from './logBreak.js';
import type { LogClient, LogOffset, LogPartition } from './logClient.js';
import { LogPlanner, type PlanBudget } from './logPlanner.js';
import { PartitionState } from './partitionState.js';
import { ReadAhead } from './readAhead.js';
import type { ResolvedLogSourceOptions } from './resolveLogSourceOptions.js';
import { skippedRecords } from './skippedRecords.js';
import { StallWatch, stallMs } from './stallWatch.js';
import { checkRange, placeOf, skipTargets, startPositions } from './startPositions.js';
import { TimeAlignment } from './timeAlignment.js';
import { TraceParents } from './traceParents.js';
import { UnstartedPartitions } from './unstartedPartitions.js';

/** How often offsets that have not moved are committed too: Kafka deletes them after a week without a commit. */
const commitAllIntervalMs = 3_600_000;

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
  /** Those that are planned; `undefined` where it has to be made again. */
  #activeStates: readonly PartitionState[] | undefined;
  readonly #readAhead: ReadAhead;
  readonly #planner: LogPlanner;
  readonly #alignment: TimeAlignment;
  readonly #away = new AwayPartitions();
  readonly #unstarted: UnstartedPartitions;
  #lost: OffsetRange[] = [];
  /** Where the log goes on after each range that has been read and not committed: the log may have changed meanwhile. */
  readonly #reached = new WeakMap<OffsetRange, TopicPartitionOffset>();
  /** The ranges of plans of this run: no record of such a batch has been handed out before. */
  readonly #fresh = new WeakSet<readonly OffsetRange[]>();
  #committed = new Map<string, number>();
  #commitAllAt = 0;
  #discoverAt = 0;
  /** With `until`: a plan reads every partition to its end, and none follows unless it is cut short. */
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
    this.#planner = new LogPlanner(options);
    this.#alignment = new TimeAlignment(client);
    this.#unstarted = new UnstartedPartitions(owner, client, options);
    this.#readAhead = new ReadAhead(client, this.#states, options, setup.scheduler, setup.fetched);
  }

  snapshot(): SourceStatus {
    const partitions = Array.from(this.#active, ({ topic, partition, start, planned, latest, buffered }) => {
      return { topic, partition, start, planned, end: Math.max(latest, planned), bufferedBytes: buffered };
    });
    const { groupId, commitOffsets, budget } = this.#options;
    return {
      partitions,
      bufferedBytes: sumOf(partitions, ({ bufferedBytes }) => bufferedBytes),
      client: { ...this.#client.describe?.(), groupId: commitOffsets ? groupId : undefined },
      ...(budget && { sharedBytes: budget.bytes }),
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
        mergeMap((found) =>
          this.#unstarted
            .reachable(found.partitions, replay.flat())
            .pipe(map((partitions) => ({ ...found, partitions }))),
        ),
        mergeMap(({ partitions, leaving, gone }) => {
          const all = [...partitions, ...leaving];
          const options = { ...this.#options, outputsReady };
          return startPositions(this.#owner, this.#client, all, options, restored, replay.flat()).pipe(
            map((start) => ({ ...start, leaving: new Set(leaving.map(partitionKey)), lost: [...gone, ...start.lost] })),
          );
        }),
        mergeMap(({ positions, lost, latest, continued, leaving }) => {
          for (const position of positions) this.#add(position).leaving = leaving.has(partitionKey(position));
          this.#replan();
          for (const end of latest) this.#stateOf(end).heard(end);
          this.#lost.push(...lost);
          this.#discoverAt = scheduler.now() + this.#options.discoverInterval;
          return this.#skip(this.#active.filter(({ key }) => continued.has(key)));
        }),
      ),
      defer(() => this.#findEnds()),
    );
  }

  plan(request: PlanRequest): Observable<Plan> {
    // What is still to be read may be cut short: then there is more to plan.
    if (this.#ended && this.#allEnded && !this.#active.some(({ unread }) => unread)) return EMPTY;
    return stepped(() => this.#plan(request));
  }

  *#plan(request: PlanRequest): Steps<Plan> {
    yield this.#discover();
    yield* this.#hearLatest();
    yield this.#learnSizes();
    const budget = this.#planner.budget(this.#present, request);
    const wanted = (yield this.#wanted(budget)) as readonly number[] | undefined;
    const plan = this.#withAway(this.#planner.plan(this.#present, request, budget, wanted));
    this.#planned(plan.ranges);
    this.#fresh.add(plan.ranges);
    this.#ended = this.#options.until !== undefined && this.#allEnded;
    this.#poll(request, plan);
    this.#readAhead.pump();
    return plan;
  }

  /** Where a plan has everything that is known, the records of the next one are waited for until its tick. */
  #poll(request: PlanRequest, { lag, rate }: Plan): void {
    const isCaughtUp = lag === 0 && !request.late && this.#isWhole && this.#options.until === undefined;
    if (!isCaughtUp || !this.#client.longPolls) this.#readAhead.poll(undefined);
    else {
      for (const state of this.#active) state.ahead = 0;
      this.#readAhead.poll(this.#planner.nextBounds(request, rate));
    }
  }

  /** Whether every partition can be read now. */
  get #isWhole(): boolean {
    return this.#unavailable.length === 0 && this.#unstarted.size === 0;
  }

  /** Where the rate is shared by time: the records of each partition up to the time of the batch. */
  #wanted({ records }: PlanBudget): Observable<readonly number[] | undefined> {
    const states = this.#present;
    if (this.#options.rateSharing !== 'aligned' || records < states.length) return EMPTY;
    if (records !== Infinity) return this.#alignment.counts(states, records);
    this.#alignment.caughtUp();
    return of(states.map(({ waiting }) => waiting));
  }

  fetch({ ranges, ends, limits, lag, unavailable }: Plan, narrow: Narrow): Observable<Fetched<R>> {
    return new Observable((subscriber) => {
      const begun = this.#setup.scheduler.now();
      const states = ranges.map((range) => [range, this.#stateFor(range)] as const);
      const { maxTraceParents = 0 } = this.#setup;
      const traceParents = maxTraceParents > 0 ? new TraceParents(maxTraceParents) : undefined;
      const cursor = this.#newCursor(this.#setup, traceParents);
      for (const [range, state] of states) {
        const leftOver = state.takeLeftOver(range);
        if (leftOver) this.#lost.push(leftOver);
        state.seek(range);
      }
      const maxRecords = ranges.map((_, i) => limits?.maxRecords[i] ?? Infinity);
      const bounds = { maxRecords, maxBytes: limits?.maxBytes ?? Infinity };
      const reading = new BatchReading(states, bounds, cursor, this.#setup.scheduler);
      let finishing = false;
      const stalled = (states: readonly PartitionState[]): void => {
        if (subscriber.closed || finishing || !this.#leave(states)) return;
        reading.endEarly();
        run();
      };
      // A batch that is replayed is to have the same records again, and one partition alone holds up no others.
      const isWatched = this.#fresh.has(ranges) && (this.#active.length > 1 || this.#setup.hasOthers);
      const watch = isWatched ? new StallWatch(this.#setup.scheduler, stalled) : undefined;
      const fail = (error: unknown) => subscriber.error(error);
      const run = (): void => {
        if (subscriber.closed || finishing) return;
        try {
          if (reading.run(subscription, run, fail)) finish();
          else {
            this.#readAhead.prioritize(reading.open);
            watch?.watch(reading.open);
          }
        } catch (error) {
          fail(error);
        }
      };
      // An invalid record is handed over before the offset behind it can be committed.
      const finish = (): void => {
        finishing = true;
        watch?.close();
        if (cursor.pending.size === 0) note();
        else subscription.add(cursor.pending.settled().subscribe({ error: fail, complete: note }));
      };
      // Before any record is handed out, and before the rest is planned: replayed, the batch ends there again.
      const note = (): void => {
        reading.endWithLog();
        if (!reading.narrowed || !(limits || watch)) done();
        else {
          // Whether a range jumps is part of what is noted, not of what is reported.
          const noted = reading.ranges.map((range, i) => ({ ...ranges[i], ...range }));
          subscription.add(from(narrow(noted)).subscribe({ error: fail, complete: done }));
        }
      };
      const done = (): void => {
        const read = reading.ranges;
        const positions = states.map(([range, state], i) => this.#settle(range, read[i] ?? range, state));
        this.#readAhead.prioritize([]);
        const elapsed = this.#setup.scheduler.now() - begun;
        const progress = progressOf(read, states, ends);
        let left = 0;
        for (const [i, range] of read.entries()) left += (ranges[i] ?? range).until - range.until;
        subscriber.next({
          ranges: read,
          lag: lag + left,
          positions,
          progress,
          ...this.#fetched(reading, cursor),
          ...(unavailable && { unavailable }),
          ...(traceParents && { traceParents: traceParents.values }),
        });
        // Operators run during `complete`: that is when lazily decoded records are read.
        subscriber.complete();
        cursor.release();
        this.#planner.measure(cursor.records, elapsed + cursor.elapsed);
      };
      const subscription: Subscription = new Subscription();
      subscription.add(cursor.pending);
      if (watch) subscription.add(() => watch.close());
      const arrivals = new Listener<void>(fail, () => {}, run);
      subscription.add(arrivals);
      this.#readAhead.arrivals.subscribe(arrivals);
      run();
      return subscription;
    });
  }

  lagBeyond(ranges: readonly OffsetRange[]): number {
    const ends = new Map(ranges.map((range) => [partitionKey(range), range.until]));
    return sumOf(this.#active, ({ key, start, latest }) => Math.max(latest - (ends.get(key) ?? start), 0));
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
    return this.#client.commit(groupId, moved, this.#setup.membership);
  }

  close(): ObservableInput<unknown> {
    this.#readAhead.close();
    return this.#client.close();
  }

  /**
   * With `until`: finds where each partition ends. The latest offset is decided once: until everything up to there has been read, a
   * restart keeps it.
   */
  #findEnds(): Observable<unknown> {
    const { until } = this.#options;
    if (until === undefined) return EMPTY;
    const { replay, restored = [] } = this.#setup;
    const planned = new Map(replay.flat().map((range) => [partitionKey(range), range]));
    const saved = new Map([...restored, ...replay.flat()].map((one) => [partitionKey(one), one.endsAt]));
    const goesOn = replay.length > 0 || this.#active.some(({ key, planned }) => planned < (saved.get(key) ?? 0));
    const listed = new Set(Array.isArray(until) ? until.map(partitionKey) : []);
    const isLatest = (key: string) => until === 'latest' || (Array.isArray(until) && !listed.has(key));
    const starts = this.#active.map(({ topic, partition, planned: offset }) => {
      return { topic, partition, offset };
    });
    return endPositions(this.#owner, this.#client, starts, until).pipe(
      tap((ends) => {
        for (const state of this.#active) {
          const range = planned.get(state.key);
          const decided = goesOn && isLatest(state.key) ? saved.get(state.key) : undefined;
          state.bound = range?.end === 'ended' ? range.until : (decided ?? ends.get(state.key) ?? Infinity);
          if (isLatest(state.key) && Number.isFinite(state.bound)) state.endsAt = state.bound;
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
    return from(this.#client.partitions(topicsOf(wanted))).pipe(
      last(),
      map((existing) => selectPartitions(existing, wanted)),
    );
  }

  #add(position: TopicPartitionOffset): PartitionState {
    const state = new PartitionState(position);
    this.#states.set(state.key, state);
    this.#activeStates = undefined;
    return state;
  }

  /** The state of a planned range; one that leaves nothing to read for a partition that is not there any more. */
  #stateFor(range: OffsetRange): PartitionState {
    return this.#states.get(partitionKey(range)) ?? new PartitionState(positionAfter(range));
  }

  #planned(ranges: readonly OffsetRange[]): void {
    // One that is absent has been lost.
    for (const range of ranges) this.#states.get(partitionKey(range))?.plan(range);
  }

  /** Batches that are replayed: where one had been cut short, the next begins where that ended. */
  #replan(): void {
    const { replay, restored = [] } = this.#setup;
    const ends = new Map(restored.map((position) => [partitionKey(position), position.offset]));
    for (const range of replay.flat()) {
      const key = partitionKey(range);
      const begin = Math.min(ends.get(key) ?? range.from, range.from);
      this.#states.get(key)?.plan(range, begin);
      ends.set(key, range.from === range.until ? begin : range.until);
    }
  }

  /** A range has been read. A partition that is not read any more has nothing left when its last range has been. */
  #settle(planned: OffsetRange, read: OffsetRange, state: PartitionState): TopicPartitionOffset {
    const position = state.settle(planned, read);
    this.#reached.set(read, position);
    if (state.leaving && !state.pending) state.drop();
    return position;
  }

  /** The partitions that are planned. */
  get #active(): readonly PartitionState[] {
    this.#activeStates ??= [...this.#states.values()].filter(({ leaving }) => !leaving);
    return this.#activeStates;
  }

  /** A plan says which partitions it does without; what waits in them counts too. */
  #withAway(plan: Plan): Plan {
    const unavailable = this.#unavailable;
    if (unavailable.length === 0) return plan;
    const waiting = this.#active.filter(({ away, stalled }) => away || stalled);
    return { ...plan, unavailable, lag: plan.lag + sumOf(waiting, ({ lag }) => lag) };
  }

  /** The active partitions that can be read now. */
  get #present(): readonly PartitionState[] {
    return this.#active.filter(({ away, stalled }) => !away && !stalled);
  }

  /** The partitions that a plan does without. */
  get #unavailable(): readonly UnavailablePartition[] {
    const stalled = this.#active.flatMap(({ topic, partition, away, stalled }) => {
      return stalled && !away ? [{ topic, partition, ...stalled }] : [];
    });
    return [...this.#away.list, ...stalled];
  }

  /** These hold up others: batches do without them until they answer. Returns whether there are others. */
  #leave(states: readonly PartitionState[]): boolean {
    if (states.length >= this.#active.length && !this.#setup.hasOthers) return false;
    const since = this.#setup.scheduler.now();
    for (const state of states) {
      const error = new TimedOutError(`Fetch of ${state.key}`, stallMs);
      state.stalled ??= { error, since };
      state.sampling = false;
    }
    return true;
  }

  /** Goes on where `skipTo` says, after what was planned before. */
  #skip(states: readonly PartitionState[]): Observable<unknown> {
    const { skipTo } = this.#options;
    if (skipTo === undefined || states.length === 0) return EMPTY;
    return skipTargets(this.#client, states, skipTo, this.#setup.scheduler.now()).pipe(
      tap((targets) => {
        for (const { topic, partition, offset } of targets) {
          const lost = this.#stateOf({ topic, partition }).passOver(offset);
          if (lost) this.#lost.push(lost);
        }
      }),
    );
  }

  /** Adds new partitions, and new topics that match a pattern. They start at the earliest offset: everything in them is new. */
  #discover(): Observable<unknown> {
    const { scheduler } = this.#setup;
    if (!this.#options.topics || this.#options.until || scheduler.now() < this.#discoverAt) return EMPTY;
    this.#discoverAt = scheduler.now() + this.#options.discoverInterval;
    return from(this.#client.partitions(this.#options.topics)).pipe(
      last(),
      mergeMap((partitions) => {
        const added = partitions.filter((partition) => {
          return !this.#states.has(partitionKey(partition)) && !this.#unstarted.has(partition);
        });
        if (this.#client.unavailable) {
          this.#unstarted.add(added);
          return EMPTY;
        }
        return added.length === 0 ? EMPTY : from(this.#client.offsets(added, 'earliest'));
      }),
      tap((positions) => {
        for (const position of positions) this.#add(placeOf(position));
      }),
    );
  }

  *#hearLatest(): Steps {
    if (this.#client.longPolls && this.#isWhole && this.#readAhead.knows(this.#active)) return;
    const asked = this.#unstarted.size === 0 ? this.#active : [...this.#active, ...this.#unstarted.list];
    if (asked.length === 0) return;
    const answer = yield this.#client.offsets(asked, 'latest', { partial: true });
    const heard = (answer as readonly LogOffset[] | undefined) ?? [];
    this.#noteAway();
    yield this.#startHeard(heard);
    yield* this.#checkIdentity(heard);
    this.#noteAway();
    yield this.#checkTruncated();
  }

  #startHeard(heard: readonly LogOffset[]): Observable<unknown> {
    if (this.#unstarted.size === 0) return EMPTY;
    return this.#unstarted.start(heard, this.#setup.restored).pipe(
      tap(({ positions, lost }) => {
        for (const position of positions) this.#add(position);
        this.#lost.push(...lost);
      }),
    );
  }

  #checkIdentity(heard: readonly LogOffset[]): Steps {
    const found = heard.flatMap((latest) => {
      const state = this.#states.get(partitionKey(latest));
      return state ? [[state, latest] as const] : [];
    });
    return checkIdentity(this.#client, found, (state, other) => this.#breakOff(state, other));
  }

  /** Takes from the client which partitions it cannot read now. */
  #noteAway(): void {
    this.#away.note(this.#client.unavailable?.() ?? [], this.#setup.scheduler.now());
    for (const state of this.#states.values()) state.away = this.#away.has(state);
  }

  #breakOff(state: PartitionState, found: LogBreak): void {
    this.#lost.push(...state.breakOff(found, this.#options.offsetOutOfRange));
    // A batch may be waiting for records that will never arrive.
    this.#readAhead.arrivals.next();
  }

  /** A log that ends before what is planned or received was truncated, or recreated where topics have no ids. */
  #checkTruncated(): Observable<unknown> {
    const ahead = this.#present.filter((state) => state.latest < Math.max(state.planned, state.fetchFrom));
    if (ahead.length === 0) return EMPTY;
    // Records may have arrived since the end was asked for, so it is asked for again.
    const received = new Map(ahead.map((state) => [state.key, state.fetchFrom]));
    // With all the others: of one that is away now nothing is given up, and nothing waits for it.
    const asked = this.#client.unavailable ? this.#present : ahead;
    return from(this.#client.offsets(asked, 'latest', { partial: true })).pipe(
      last(undefined, []),
      mergeMap((positions) => {
        const heard = positions.filter((position) => received.has(partitionKey(position)));
        for (const position of heard) {
          const state = this.#stateOf(position);
          if (isOtherTopic(state.topicId, position.topicId)) continue;
          state.heard(position);
          if (state.latest < (received.get(state.key) ?? 0)) state.drop();
        }
        return this.#giveUp(
          heard.map((position) => this.#stateOf(position)).filter(({ latest, planned }) => latest < planned),
        );
      }),
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
    const unknown = this.#present.filter((state) => state.lag > 0 && !state.size.known);
    if (unknown.length === 0) return EMPTY;
    return new Observable((subscriber) => {
      const look = () => {
        if (!unknown.some((state) => state.sampling)) subscriber.complete();
      };
      const fail = (error: unknown) => subscriber.error(error);
      subscriber.add(this.#readAhead.arrivals.subscribe({ next: look, error: fail }));
      const giveUp = (): void => {
        const silent = unknown.filter(({ sampling }) => sampling);
        if (silent.length > 0 && this.#leave(silent)) look();
      };
      subscriber.add(this.#setup.scheduler.schedule(giveUp, stallMs));
      this.#readAhead.sample(unknown);
      look();
    });
  }

  #fetched(reading: BatchReading<R>, { records, skipped, failed }: BatchCursor<R>): Fetched<R> {
    const overshoot = reading.takeOvershoot();
    const lost = [...this.#lost.splice(0), ...this.#readAhead.takeLost()];
    return {
      partitions: reading.partitions,
      records,
      bytes: this.#readAhead.takeReceived(),
      overshootRecords: overshoot.records,
      overshootBytes: overshoot.bytes,
      ...skippedRecords(skipped),
      ...(failed.length > 0 && { failed }),
      ...(lost.length > 0 && { lost }),
    };
  }

  #stateOf(partition: TopicPartition): PartitionState {
    return this.#states.get(partitionKey(partition)) as PartitionState;
  }
}

/** The progress of the partitions of a batch. For a replayed batch the ends are the present ones. */
function progressOf(
  ranges: readonly OffsetRange[],
  states: readonly (readonly [OffsetRange, PartitionState])[],
  ends: readonly number[] | undefined,
): NonNullable<Fetched<unknown>['progress']> {
  return states.map(([planned, { latest, newestTimestamp }], i) => {
    const { topic, partition, from, until } = ranges[i] ?? planned;
    const end = Math.max(ends?.[i] ?? latest, until);
    return { topic, partition, from, until, end, lag: end - until, newestTimestamp };
  });
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
