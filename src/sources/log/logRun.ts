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
import type { OffsetRange } from '../../batch/offsetRange.js';
import { partitionKey, type TopicPartitionOffset } from '../../batch/topicPartition.js';
import { sumOf } from '../../collections/sumOf.js';
import { Listener } from '../../observables/listener.js';
import { type Steps, stepped } from '../../observables/steps.js';
import type { Fetched, Narrow, Plan, PlanRequest, SourceRun, SourceSetup, SourceStatus } from '../source.js';
import type { BatchCursor } from './batchCursor.js';
import { BatchReading } from './batchReading.js';
import { decidedEnds } from './decidedEnds.js';
import { leavingPartitions } from './leavingPartitions.js';
import { checkIdentities, checkTruncated, type LogChangesParts } from './logChanges.js';
import type { LogClient, LogOffset } from './logClient.js';
import { LogPartitions } from './logPartitions.js';
import { LogPlanner, type PlanBudget } from './logPlanner.js';
import { partitionProgress } from './partitionProgress.js';
import type { PartitionState } from './partitionState.js';
import { RangeCommits } from './rangeCommits.js';
import { ReadAhead } from './readAhead.js';
import type { ResolvedLogSourceOptions } from './resolveLogSourceOptions.js';
import { sampledSizes } from './sampledSizes.js';
import { skippedRecords } from './skippedRecords.js';
import { StallWatch } from './stallWatch.js';
import { placeOf, skipTargets, startPositions } from './startPositions.js';
import { TimeAlignment } from './timeAlignment.js';
import { TraceParents } from './traceParents.js';
import { UnstartedPartitions } from './unstartedPartitions.js';
import { wantedPartitions } from './wantedPartitions.js';

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
  readonly #partitions: LogPartitions;
  readonly #changes: LogChangesParts;
  readonly #readAhead: ReadAhead;
  readonly #planner: LogPlanner;
  readonly #alignment: TimeAlignment;
  readonly #unstarted: UnstartedPartitions;
  readonly #lost: OffsetRange[] = [];
  readonly #commits = new RangeCommits();
  /** The ranges of plans of this run: no record of such a batch has been handed out before. */
  readonly #fresh = new WeakSet<readonly OffsetRange[]>();
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
    this.#partitions = new LogPartitions(client, setup);
    this.#readAhead = new ReadAhead(client, this.#partitions.byKey, options, setup.scheduler, setup.fetched);
    this.#changes = {
      client,
      partitions: this.#partitions,
      policy: options.offsetOutOfRange,
      lost: (ranges) => this.#lost.push(...ranges),
      moved: () => this.#readAhead.arrivals.next(),
    };
  }

  snapshot(): SourceStatus {
    const partitions = Array.from(this.#partitions.active, ({ topic, partition, start, planned, latest, buffered }) => {
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
      defer(() => wantedPartitions(this.#client, this.#options)).pipe(
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
          for (const position of positions) this.#partitions.add(position, leaving.has(partitionKey(position)));
          this.#partitions.replan(replay, restored ?? []);
          for (const end of latest) this.#partitions.of(end).heard(end);
          this.#lost.push(...lost);
          this.#discoverAt = scheduler.now() + this.#options.discoverInterval;
          return this.#skip(this.#partitions.active.filter(({ key }) => continued.has(key)));
        }),
      ),
      defer(() => this.#decideEnds()),
    );
  }

  plan(request: PlanRequest): Observable<Plan> {
    // What is still to be read may be cut short: then there is more to plan.
    if (this.#ended && this.#partitions.allEnded && !this.#partitions.active.some(({ unread }) => unread)) return EMPTY;
    return stepped(() => this.#plan(request));
  }

  *#plan(request: PlanRequest): Steps<Plan> {
    const partitions = this.#partitions;
    yield this.#discover();
    yield* this.#hearLatest();
    yield sampledSizes(partitions, this.#readAhead, this.#setup.scheduler);
    const { present } = partitions;
    const budget = this.#planner.budget(present, request);
    const wanted = (yield this.#wanted(present, budget)) as readonly number[] | undefined;
    const plan = partitions.withUnavailable(this.#planner.plan(present, request, budget, wanted));
    partitions.plan(plan.ranges);
    this.#fresh.add(plan.ranges);
    this.#ended = this.#options.until !== undefined && this.#partitions.allEnded;
    this.#poll(request, plan);
    this.#readAhead.pump();
    return plan;
  }

  /** Where a plan has everything that is known, the records of the next one are waited for until its tick. */
  #poll(request: PlanRequest, { lag, rate }: Plan): void {
    const isCaughtUp = lag === 0 && !request.late && this.#isWhole && this.#options.until === undefined;
    if (!isCaughtUp || !this.#client.longPolls) this.#readAhead.poll(undefined);
    else {
      for (const state of this.#partitions.active) state.ahead = 0;
      this.#readAhead.poll(this.#planner.nextBounds(request, rate));
    }
  }

  /** Whether every partition can be read now. */
  get #isWhole(): boolean {
    return this.#partitions.unavailable.length === 0 && this.#unstarted.size === 0;
  }

  /** Where the rate is shared by time: the records of each partition up to the time of the batch. */
  #wanted(states: readonly PartitionState[], { records }: PlanBudget): Observable<readonly number[] | undefined> {
    if (this.#options.rateSharing !== 'aligned' || records < states.length) return EMPTY;
    if (records !== Infinity) return this.#alignment.counts(states, records);
    this.#alignment.caughtUp();
    return of(states.map(({ waiting }) => waiting));
  }

  fetch({ ranges, ends, limits, lag, unavailable }: Plan, narrow: Narrow): Observable<Fetched<R>> {
    return new Observable((subscriber) => {
      const begun = this.#setup.scheduler.now();
      const states = ranges.map((range) => [range, this.#partitions.ofRange(range)] as const);
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
        if (subscriber.closed || finishing || !this.#partitions.leave(states)) return;
        reading.endEarly();
        run();
      };
      // A batch that is replayed is to have the same records again, and one partition alone holds up no others.
      const hasOthers = this.#partitions.active.length > 1 || this.#setup.hasOthers;
      const watch = this.#fresh.has(ranges) && hasOthers ? new StallWatch(this.#setup.scheduler, stalled) : undefined;
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
        const progress = partitionProgress(read, states, ends);
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
    return this.#partitions.lagBeyond(ranges);
  }

  commit(ranges: readonly OffsetRange[]): ObservableInput<unknown> {
    const { groupId, commitOffsets } = this.#options;
    if (groupId === undefined || !commitOffsets) return EMPTY;
    const moved = this.#commits.take(ranges, this.#setup.scheduler.now());
    return moved.length === 0 ? EMPTY : this.#client.commit(groupId, moved, this.#setup.membership);
  }

  close(): ObservableInput<unknown> {
    this.#readAhead.close();
    return this.#client.close();
  }

  /** With `until`: decides where each partition ends. */
  #decideEnds(): Observable<unknown> {
    const { active } = this.#partitions;
    return decidedEnds(this.#owner, this.#client, active, this.#options.until, this.#setup).pipe(
      tap(() => {
        this.#ended = this.#setup.replay.length > 0 && this.#partitions.allEnded;
      }),
    );
  }

  /** A range has been read. A partition that is not read any more has nothing left when its last range has been. */
  #settle(planned: OffsetRange, read: OffsetRange, state: PartitionState): TopicPartitionOffset {
    const position = state.settle(planned, read);
    this.#commits.reached(read, position);
    if (state.leaving && !state.pending) state.drop();
    return position;
  }

  /** Goes on where `skipTo` says, after what was planned before. */
  #skip(states: readonly PartitionState[]): Observable<unknown> {
    const { skipTo } = this.#options;
    if (skipTo === undefined || states.length === 0) return EMPTY;
    return skipTargets(this.#client, states, skipTo, this.#setup.scheduler.now()).pipe(
      tap((targets) => {
        for (const { topic, partition, offset } of targets) {
          const lost = this.#partitions.of({ topic, partition }).passOver(offset);
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
          return !this.#partitions.byKey.has(partitionKey(partition)) && !this.#unstarted.has(partition);
        });
        if (this.#client.unavailable) {
          this.#unstarted.add(added);
          return EMPTY;
        }
        return added.length === 0 ? EMPTY : from(this.#client.offsets(added, 'earliest'));
      }),
      tap((positions) => {
        for (const position of positions) this.#partitions.add(placeOf(position));
      }),
    );
  }

  *#hearLatest(): Steps {
    const { active } = this.#partitions;
    if (this.#client.longPolls && this.#isWhole && this.#readAhead.knows(active)) return;
    const asked = this.#unstarted.size === 0 ? active : [...active, ...this.#unstarted.list];
    if (asked.length === 0) return;
    const answer = yield this.#client.offsets(asked, 'latest', { partial: true });
    const heard = (answer as readonly LogOffset[] | undefined) ?? [];
    this.#partitions.noteAway();
    yield this.#startHeard(heard);
    yield* checkIdentities(this.#changes, heard);
    this.#partitions.noteAway();
    yield checkTruncated(this.#changes);
  }

  #startHeard(heard: readonly LogOffset[]): Observable<unknown> {
    if (this.#unstarted.size === 0) return EMPTY;
    return this.#unstarted.start(heard, this.#setup.restored).pipe(
      tap(({ positions, lost }) => {
        for (const position of positions) this.#partitions.add(position);
        this.#lost.push(...lost);
      }),
    );
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
}
