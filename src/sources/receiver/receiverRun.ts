import { EMPTY, type ObservableInput, of, Subscription, throwError } from 'rxjs';
import { firstBatchTime } from '../../batch/batchTime.js';
import { QueueOverflowError } from '../../batch/errors.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import type { Fetched, Plan, PlanRequest, SourceRun, SourceSetup } from '../source.js';
import type { Block } from './block.js';
import { BlockGenerator } from './blockGenerator.js';
import type { Intake } from './intake.js';
import { LoggedRecords } from './loggedRecords.js';
import { PullIntake, pullable } from './pullIntake.js';
import { PushIntake } from './pushIntake.js';
import type { Receiver } from './receiver.js';
import type { ResolvedReceiverOptions } from './receiverOptions.js';
import { plannedUntil, recordsOf } from './recoveredRecords.js';
import type { WriteAheadLogSession } from './writeAheadLog.js';

const partition = 0;
const defaultBlockInterval = 200;

/**
 * A receiver, opened. Its records are numbered, as those of a log of one partition are, and a block is a range of them:
 * after a restart from a checkpoint the numbers go on. What was planned, and what no batch had taken, comes back from the
 * write-ahead log; without one it is gone, and what was planned is told as lost.
 */
export class ReceiverRun<T> implements SourceRun<T> {
  readonly #owner: string;
  readonly #receiver: Receiver<T>;
  readonly #options: ResolvedReceiverOptions;
  readonly #setup: SourceSetup;
  readonly #blockInterval: number;
  readonly #log: WriteAheadLogSession | undefined;
  /** What is received goes through here where there is a log; batches take of `#blocks`, where only durable records are then. */
  readonly #logged: LoggedRecords<T> | undefined;
  readonly #blocks: BlockGenerator<T>;
  /** Blocks that a batch has taken and not fetched, by their first offset. */
  readonly #planned = new Map<number, readonly T[]>();
  #plannedRecords = 0;
  #skipped = 0;
  #restarts = 0;
  #intake: Intake | undefined;
  /** The receiver is to be started when there is room. */
  #startDue = false;
  #restarting = new Subscription();
  #tick: { readonly due: number; readonly timer: Subscription } | undefined;
  /** An overflow, or a log that failed: the stream fails with it at the next tick. */
  #failure: { readonly error: unknown } | undefined;
  /** Nothing more is received; with what failed, where something did. */
  #end: { readonly error?: unknown } | undefined;
  #closed = false;

  constructor(
    owner: string,
    receiver: Receiver<T>,
    options: ResolvedReceiverOptions,
    setup: SourceSetup,
    log: WriteAheadLogSession | undefined,
  ) {
    this.#owner = owner;
    this.#receiver = receiver;
    this.#options = options;
    this.#setup = setup;
    this.#log = log;
    this.#blockInterval = options.blockInterval ?? Math.min(defaultBlockInterval, setup.interval);
    // After all that was ever planned: offsets are not used twice.
    const first = plannedUntil(setup);
    this.#blocks = new BlockGenerator(this.#blockInterval, first);
    this.#logged = log && this.#recover(log, first);
  }

  start(): void {
    if (this.#closed || this.#end) return;
    // What was recovered may have filled the queue.
    this.#startDue = this.#room <= 0;
    if (this.#startDue) return;
    const events = {
      room: () => this.#room > 0,
      store: (record: T, stored?: () => void) => this.#store(record, stored),
      complete: () => this.#ended({}),
      fail: (error: unknown) => this.#failed(error),
    };
    const pull = pullable(this.#receiver);
    this.#intake = pull ? new PullIntake(pull, events) : new PushIntake(this.#receiver, events);
    this.#intake.start();
  }

  plan({ interval, rate }: PlanRequest): ObservableInput<Plan> {
    const now = this.#setup.scheduler.now();
    // The timers of a batch and of a block that end together may fire in any order.
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
      // Of a batch that was planned before a restart without a log nothing is left.
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
    return of({ partitions, ...(skipped > 0 && { skipped }), ...(lost.length > 0 && { lost }) });
  }

  commit(ranges: readonly OffsetRange[]): ObservableInput<unknown> {
    const last = ranges.at(-1);
    return this.#log && last ? this.#log.release(last.until) : EMPTY;
  }

  stop(): void {
    this.#restarting.unsubscribe();
    this.#intake?.close();
    this.#ended({});
  }

  close(): ObservableInput<unknown> {
    this.#closed = true;
    this.#restarting.unsubscribe();
    this.#tick?.timer.unsubscribe();
    this.#intake?.close();
    this.#logged?.close();
    return this.#log?.close() ?? EMPTY;
  }

  get #room(): number {
    return this.#options.maxQueue - this.#blocks.size - this.#plannedRecords - (this.#logged?.size ?? 0);
  }

  /** Takes over what the log had kept: what was planned is replayed, and the rest waits for the next batch. */
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
    });
  }

  #gather(records: readonly T[]): void {
    for (const record of records) this.#blocks.push(record);
    if (records.length > 0) this.#schedule();
  }

  #last(end: { readonly error?: unknown }): ObservableInput<Plan> {
    return 'error' in end ? throwError(() => end.error) : EMPTY;
  }

  #store(record: T, stored: (() => void) | undefined): void {
    if (this.#failure || (this.#room <= 0 && !this.#overflows())) return;
    if (this.#logged) {
      this.#logged.push(record, stored && (() => this.#tell(stored)));
      return;
    }
    this.#gather([record]);
    if (stored) this.#tell(stored);
  }

  #tell(stored: () => void): void {
    try {
      stored();
    } catch (error) {
      // One that has completed cannot fail any more, and is not started anew.
      if (this.#end) this.#fail(error);
      else this.#failed(error);
    }
  }

  /** Gives whether the new record is to be taken all the same. */
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
    const due = firstBatchTime(now, this.#blockInterval);
    this.#tick = { due, timer: scheduler.schedule(() => this.#endBlock(), due - now) };
  }

  #endBlock(): void {
    this.#tick?.timer.unsubscribe();
    this.#tick = undefined;
    this.#blocks.tick(this.#setup.scheduler.now());
    if (this.#blocks.ungathered) this.#schedule();
  }

  #ended(end: { readonly error?: unknown }): void {
    this.#end ??= end;
  }

  #failed(error: unknown): void {
    const { restart, onRestart } = this.#options;
    if (restart === undefined) {
      this.#ended({ error });
      return;
    }
    try {
      onRestart?.(error, ++this.#restarts);
    } catch (thrown) {
      this.#ended({ error: thrown });
      return;
    }
    if (!this.#closed) this.#restarting = this.#setup.scheduler.schedule(() => this.start(), restart);
  }
}

function lesser(rate: number | undefined, cap: number | undefined): number | undefined {
  return rate === undefined || cap === undefined ? (rate ?? cap) : Math.min(rate, cap);
}
