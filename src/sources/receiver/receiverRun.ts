import { EMPTY, type ObservableInput, of, throwError } from 'rxjs';
import { type InvalidRecordError, QueueOverflowError } from '../../batch/errors.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import { firstBatchTime } from '../../driver/batchTime.js';
import type { Fetched, Plan, PlanRequest, SourceRun, SourceSetup, SourceStatus } from '../source.js';
import { Alarm } from './alarm.js';
import { BlockGenerator } from './blockGenerator.js';
import { type LogEvents, LoggedRecords } from './loggedRecords.js';
import { PullIntake, pullable } from './pullIntake.js';
import { PushIntake } from './pushIntake.js';
import type { Intake, Receiver } from './receiver.js';
import type { ResolvedReceiverOptions } from './receiverOptions.js';
import type { Block, WriteAheadLogSession } from './writeAheadLog.js';

const partition = 0;
const defaultBlockIntervalMs = 200;

/**
 * An opened receiver. Its records are numbered like those of a log with one partition, and a block is a range of numbers;
 * after a restart from a checkpoint the numbers go on. What was planned, and what no batch had taken, comes back from the
 * write-ahead log; without one it is lost, and what was planned is reported as `lost`.
 */
export class ReceiverRun<T> implements SourceRun<T> {
  readonly #owner: string;
  readonly #receiver: Receiver<T>;
  readonly #options: ResolvedReceiverOptions;
  readonly #setup: SourceSetup;
  readonly #blockInterval: number;
  readonly #log: WriteAheadLogSession | undefined;
  /** With a log, received records pass through here first; `#blocks`, from which batches take, then holds durable records only. */
  readonly #logged: LoggedRecords<T> | undefined;
  readonly #blocks: BlockGenerator<T>;
  readonly #firstOffset: number;
  /** Blocks that a batch has taken and not fetched, by their first offset. */
  readonly #planned = new Map<number, readonly T[]>();
  #plannedRecords = 0;
  #skipped = 0;
  #restarts = 0;
  #intake: Intake | undefined;
  /** The receiver is started as soon as there is room. */
  #startDue = false;
  #restart: Alarm | undefined;
  #tick: Alarm | undefined;
  /** An overflow, or a failure of the log: the stream fails with it at the next tick. */
  #failure: { readonly error: unknown } | undefined;
  /** Set when nothing more will be received, with the error if the receiver failed. */
  #end: { readonly error?: unknown } | undefined;
  #closed = false;

  constructor(
    owner: string,
    receiver: Receiver<T>,
    options: ResolvedReceiverOptions,
    setup: SourceSetup,
    log: WriteAheadLogSession | undefined,
    /** Where what was ever planned ends: no offset is used twice. */
    firstOffset: number,
  ) {
    this.#owner = owner;
    this.#receiver = receiver;
    this.#options = options;
    this.#setup = setup;
    this.#log = log;
    this.#firstOffset = firstOffset;
    this.#blockInterval = options.blockInterval ?? Math.min(defaultBlockIntervalMs, setup.interval);
    this.#blocks = new BlockGenerator(this.#blockInterval, firstOffset);
    this.#logged = log && this.#recover(log, firstOffset);
  }

  start(): void {
    if (this.#closed || this.#end) return;
    // Recovered records may have filled the queue.
    this.#startDue = this.#room <= 0;
    if (this.#startDue) return;
    const events = {
      room: () => this.#room > 0,
      store: (record: T, stored?: () => void, refused?: (error: InvalidRecordError) => void) =>
        this.#store(record, stored, refused),
      complete: () => this.#ended({}),
      fail: (error: unknown) => this.#failed(error),
    };
    const pull = pullable(this.#receiver);
    this.#intake = pull ? new PullIntake(pull, events) : new PushIntake(this.#receiver, events);
    this.#intake.start();
  }

  plan({ interval, rate }: PlanRequest): ObservableInput<Plan> {
    const now = this.#setup.scheduler.now();
    // The timers of a batch and of a block that end at the same time may fire in any order.
    if (this.#tick && this.#tick.due <= now) this.#endBlock();
    if (this.#failure) return this.#last(this.#failure);
    if (this.#end && this.#blocks.size === 0 && !this.#logged?.size) return this.#last(this.#end);
    const allowed = lesser(rate(this.#blocks.size), this.#options.maxRate);
    const ranges = this.#blocks.take(allowed, interval, now).map(({ from, records }): OffsetRange => {
      this.#planned.set(from, records);
      this.#plannedRecords += records.length;
      return { topic: this.#setup.name, partition, from, until: from + records.length };
    });
    return of({ ranges, lag: this.#blocks.size, rate: allowed });
  }

  fetch({ ranges }: Plan): ObservableInput<Fetched<T>> {
    const lost: OffsetRange[] = [];
    const partitions = ranges.map((range, index) => {
      const records = this.#planned.get(range.from) ?? [];
      // Without a log, nothing is left of a batch that was planned before a restart.
      const until = range.from + records.length;
      if (until < range.until) lost.push({ ...range, from: until });
      this.#planned.delete(range.from);
      this.#plannedRecords -= records.length;
      return { index, records, range };
    });
    const skipped = this.#skipped;
    this.#skipped = 0;
    if (this.#startDue) this.start();
    else this.#intake?.resume();
    return of({
      partitions,
      ...(skipped > 0 && { skipped, skippedBy: { overflow: skipped } }),
      ...(lost.length > 0 && { lost }),
    });
  }

  commit(ranges: readonly OffsetRange[]): ObservableInput<unknown> {
    const last = ranges.at(-1);
    return this.#log && last ? this.#log.release(last.until) : EMPTY;
  }

  snapshot(): SourceStatus {
    const { base, size, blocks } = this.#blocks;
    const queuedRecords = size + (this.#logged?.size ?? 0);
    const place = { topic: this.#setup.name, partition, start: this.#firstOffset };
    return {
      partitions: [{ ...place, planned: base, end: base + queuedRecords, bufferedBytes: 0 }],
      bufferedBytes: 0,
      receiver: { queuedRecords, queuedBlocks: blocks, writeAheadLogBytes: this.#log?.bytes },
    };
  }

  stop(): void {
    this.#restart?.cancel();
    this.#intake?.close();
    this.#ended({});
  }

  close(): ObservableInput<unknown> {
    this.#closed = true;
    this.#restart?.cancel();
    this.#tick?.cancel();
    this.#intake?.close();
    this.#logged?.close();
    return this.#log?.close() ?? EMPTY;
  }

  get #room(): number {
    return this.#options.maxQueue - this.#blocks.size - this.#plannedRecords - (this.#logged?.size ?? 0);
  }

  /** Takes over what the log has kept: what was planned is replayed, the rest waits for the next batch. */
  #recover(log: WriteAheadLogSession, first: number): LoggedRecords<T> {
    const blocks = log.recovered() as readonly Block<T>[];
    for (const range of this.#setup.replay.flat()) {
      const records = recordsOf(blocks, range);
      this.#planned.set(range.from, records);
      this.#plannedRecords += records.length;
    }
    const waiting = recordsOf(blocks, { from: first, until: Infinity });
    this.#gather(waiting);
    return new LoggedRecords<T>(log, first + waiting.length, {
      durable: (records) => this.#gather(records),
      fail: (error) => this.#fail(error),
      syncing: this.#syncing(),
    });
  }

  /** Times what is appended to the log, for monitors. */
  #syncing(): LogEvents<T>['syncing'] {
    const { synced, scheduler } = this.#setup;
    return (
      synced &&
      ((records) => {
        const startTime = scheduler.now();
        return (failure) => synced({ records, startTime, duration: scheduler.now() - startTime, ...failure });
      })
    );
  }

  #gather(records: readonly T[]): void {
    for (const record of records) this.#blocks.push(record);
    if (records.length > 0) this.#schedule();
  }

  #last(end: { readonly error?: unknown }): ObservableInput<Plan> {
    return 'error' in end ? throwError(() => end.error) : EMPTY;
  }

  #store(
    record: T,
    stored: (() => void) | undefined,
    refused: ((error: InvalidRecordError) => void) | undefined,
  ): void {
    if (this.#failure) return;
    const refusal = this.#refusal(record);
    if (refusal) {
      if (refused) this.#notify(() => refused(refusal));
      else this.#failed(refusal);
      return;
    }
    if (this.#room <= 0 && !this.#overflows()) return;
    if (this.#logged) {
      this.#logged.push(record, stored && (() => this.#notify(stored)));
      return;
    }
    this.#gather([record]);
    if (stored) this.#notify(stored);
  }

  /** Why the log could not read this record back. */
  #refusal(record: T): InvalidRecordError | undefined {
    try {
      this.#log?.check?.(record);
      return undefined;
    } catch (error) {
      return error as InvalidRecordError;
    }
  }

  #notify(sender: () => void): void {
    try {
      sender();
    } catch (error) {
      // A receiver that has completed cannot fail any more, and is not started again.
      if (this.#end) this.#fail(error);
      else this.#failed(error);
    }
  }

  /** Returns whether the new record is taken all the same. */
  #overflows(): boolean {
    const { overflow, maxQueue } = this.#options;
    if (overflow === 'error') {
      this.#fail(new QueueOverflowError(this.#owner, maxQueue));
      return false;
    }
    this.#skipped++;
    // What a batch has taken is not touched: its ranges are fixed.
    if (overflow === 'drop-newest' || this.#blocks.size === 0) return false;
    this.#blocks.dropOldest();
    return true;
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#intake?.close();
  }

  /** Ticks come at the multiples of the block interval, and only while there is something for them to do. */
  #schedule(): void {
    if (this.#tick) return;
    const { scheduler } = this.#setup;
    const now = scheduler.now();
    const delay = firstBatchTime(now, this.#blockInterval) - now;
    this.#tick = new Alarm(scheduler, delay, () => this.#endBlock());
  }

  #endBlock(): void {
    this.#tick?.cancel();
    this.#tick = undefined;
    this.#blocks.tick(this.#setup.scheduler.now());
    if (this.#blocks.ungathered) this.#schedule();
  }

  #ended(end: { readonly error?: unknown }): void {
    this.#end ??= end;
  }

  #failed(error: unknown): void {
    // It may still be running: what failed may have been a callback of its sender.
    this.#intake?.close();
    const { restartDelay, restartObserver } = this.#options;
    if (restartDelay === undefined) {
      this.#ended({ error });
      return;
    }
    try {
      restartObserver?.next?.({ error, restarts: ++this.#restarts });
    } catch (thrown) {
      this.#ended({ error: thrown });
      return;
    }
    if (!this.#closed) this.#restart = new Alarm(this.#setup.scheduler, restartDelay, () => this.start());
  }
}

/** The records of an offset range that are in the blocks, which are in order. */
function recordsOf<T>(blocks: readonly Block<T>[], { from, until }: Pick<OffsetRange, 'from' | 'until'>): readonly T[] {
  return blocks.flatMap((block) =>
    block.records.slice(Math.max(from - block.from, 0), Math.max(until - block.from, 0)),
  );
}

function lesser(rate: number | undefined, cap: number | undefined): number | undefined {
  return rate === undefined || cap === undefined ? (rate ?? cap) : Math.min(rate, cap);
}
