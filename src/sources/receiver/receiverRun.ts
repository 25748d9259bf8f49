import { EMPTY, type ObservableInput, of, Subscription, throwError } from 'rxjs';
import { firstBatchTime } from '../../batch/batchTime.js';
import { QueueOverflowError } from '../../batch/errors.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import type { Fetched, Plan, PlanRequest, SourceRun, SourceSetup } from '../source.js';
import { BlockGenerator } from './blockGenerator.js';
import type { Intake } from './intake.js';
import { PullIntake, pullable } from './pullIntake.js';
import { PushIntake } from './pushIntake.js';
import type { Receiver } from './receiver.js';
import type { ResolvedReceiverOptions } from './receiverOptions.js';

const partition = 0;
const defaultBlockInterval = 200;

/**
 * A receiver, opened. Its records are numbered, as those of a log of one partition are, and a block is a range of them:
 * after a restart from a checkpoint the numbers go on, and what was planned and is gone is told as lost.
 */
export class ReceiverRun<T> implements SourceRun<T> {
  readonly #owner: string;
  readonly #receiver: Receiver<T>;
  readonly #options: ResolvedReceiverOptions;
  readonly #setup: SourceSetup;
  readonly #blockInterval: number;
  readonly #blocks: BlockGenerator<T>;
  /** Blocks that a batch has taken and not fetched, by their first offset. */
  readonly #planned = new Map<number, readonly T[]>();
  #plannedRecords = 0;
  #skipped = 0;
  #restarts = 0;
  #intake: Intake | undefined;
  #restarting = new Subscription();
  #tick: { readonly due: number; readonly timer: Subscription } | undefined;
  #overflow: QueueOverflowError | undefined;
  /** Nothing more is received; with what failed, where something did. */
  #end: { readonly error?: unknown } | undefined;
  #closed = false;

  constructor(owner: string, receiver: Receiver<T>, options: ResolvedReceiverOptions, setup: SourceSetup) {
    this.#owner = owner;
    this.#receiver = receiver;
    this.#options = options;
    this.#setup = setup;
    this.#blockInterval = options.blockInterval ?? Math.min(defaultBlockInterval, setup.interval);
    this.#blocks = new BlockGenerator(this.#blockInterval, firstOffset(setup));
  }

  start(): void {
    if (this.#closed) return;
    const events = {
      room: () => this.#room > 0,
      store: (record: T) => this.#store(record),
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
    if (this.#overflow) return throwError(() => this.#overflow);
    if (this.#end && this.#blocks.size === 0) return this.#last(this.#end);
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
      // Of a batch that was planned before a restart nothing is left.
      if (records.length === 0) lost.push(range);
      this.#planned.delete(range.from);
      this.#plannedRecords -= records.length;
      return { index, records, range };
    });
    const skipped = this.#skipped;
    this.#skipped = 0;
    this.#intake?.resume();
    return of({ partitions, ...(skipped > 0 && { skipped }), ...(lost.length > 0 && { lost }) });
  }

  commit(): ObservableInput<unknown> {
    return EMPTY;
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
    return EMPTY;
  }

  get #room(): number {
    return this.#options.maxQueue - this.#blocks.size - this.#plannedRecords;
  }

  #last(end: { readonly error?: unknown }): ObservableInput<Plan> {
    return 'error' in end ? throwError(() => end.error) : EMPTY;
  }

  #store(record: T): void {
    if (this.#room <= 0 && !this.#overflows()) return;
    this.#blocks.push(record);
    this.#schedule();
  }

  /** Gives whether the new record is to be taken all the same. */
  #overflows(): boolean {
    const { overflow, maxQueue } = this.#options;
    if (overflow === 'error') {
      this.#overflow = new QueueOverflowError(this.#owner, maxQueue);
      this.#intake?.close();
      return false;
    }
    this.#skipped++;
    // What a batch has taken is not touched: its ranges are fixed.
    if (overflow === 'drop-newest' || this.#blocks.size === 0) return false;
    this.#blocks.dropOldest();
    return true;
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

/** After all that was ever planned: offsets are not used twice. */
function firstOffset({ restored = [], replay }: SourceSetup): number {
  const reached = [...restored.map(({ offset }) => offset), ...replay.flat().map(({ until }) => until)];
  return reached.reduce((first, offset) => Math.max(first, offset), 0);
}
