import { concat, EMPTY, from, map, type ObservableInput, of, throwError } from 'rxjs';
import { positionAfter } from '../../batch/logIdentity.js';
import type { ReceiverInfo } from '../../batch/monitoring/receiverStatus.js';
import type { OffsetRange } from '../../batch/offsetRange.js';
import type { Partition } from '../../batch/partition.js';
import type { Fetched, Plan, PlanRequest, SourceRun, SourceSetup, SourceStatus } from '../source.js';
import { ReceivedRecords } from './receivedRecords.js';
import type { Receiver } from './receiver.js';
import type { ResolvedReceiverOptions } from './receiverOptions.js';
import { Supervisor } from './supervisor.js';
import type { WriteAheadLogSession } from './writeAheadLog.js';

const partition = 0;

/**
 * An opened receiver. Its records are numbered like those of a log with one partition, and a block is a range of numbers;
 * after a restart from a checkpoint the numbers go on. What was planned, and what no batch had taken, comes back from the
 * write-ahead log; without one it is lost, and what was planned is reported as `lost`.
 */
export class ReceiverRun<T> implements SourceRun<T> {
  readonly #options: ResolvedReceiverOptions;
  readonly #setup: SourceSetup;
  readonly #log: WriteAheadLogSession | undefined;
  readonly #received: ReceivedRecords<T>;
  readonly #supervisors: readonly Supervisor<T>[];
  readonly #firstOffset: number;
  /** The receivers are started as soon as there is room. */
  #startDue = false;
  /** An overflow, or a failure of the log: the stream fails with it at the next tick. */
  #failure: { readonly error: unknown } | undefined;
  /** Set when nothing more will be received, with the error if a receiver failed. */
  #end: { readonly error?: unknown } | undefined;
  #closed = false;

  constructor(
    owner: string,
    receiver: Receiver<T>,
    options: ResolvedReceiverOptions,
    setup: SourceSetup,
    log: WriteAheadLogSession | undefined,
    firstOffset: number,
  ) {
    this.#options = options;
    this.#setup = setup;
    this.#log = options.writeAheadLog && log;
    this.#firstOffset = firstOffset;
    this.#received = new ReceivedRecords(owner, options, setup, log, firstOffset, {
      fail: (error) => this.#fail(error),
      written: () => this.#resume(),
    });
    this.#supervisors = Array.from({ length: options.receivers }, (_, index) => this.#supervisor(receiver, index));
  }

  start(): void {
    if (this.#closed || this.#end) return;
    // Recovered records may have filled the queue.
    this.#startDue = !this.#received.room;
    if (this.#startDue) return;
    for (const supervisor of this.#supervisors) supervisor.start();
  }

  plan({ interval, rate }: PlanRequest): ObservableInput<Plan> {
    if (this.#failure) return this.#last(this.#failure);
    if (this.#end && this.#received.waiting === 0) return this.#last(this.#end);
    const allowed = lesser(rate(this.#received.ready), this.#options.maxRate);
    const ranges = this.#received.take(allowed, interval).map((range): OffsetRange => {
      return { topic: this.#setup.name, partition, ...range };
    });
    return of({ ranges, lag: this.#received.waiting, rate: allowed });
  }

  fetch({ ranges }: Plan): ObservableInput<Fetched<T>> {
    const tooOld = this.#tooOld(ranges);
    const records = ranges.map((range) => {
      if (!tooOld.has(range)) return this.#received.fetch(range);
      this.#received.discard(range);
      return [];
    });
    if (!records.every(isArray)) {
      return from(Promise.all(records)).pipe(map((read) => this.#fetched(ranges, tooOld, read)));
    }
    return of(this.#fetched(ranges, tooOld, records as readonly (readonly T[])[]));
  }

  commit(ranges: readonly OffsetRange[]): ObservableInput<unknown> {
    const last = ranges.at(-1);
    return this.#log && last ? this.#log.release(last.until) : EMPTY;
  }

  stop(): void {
    for (const supervisor of this.#supervisors) supervisor.stop();
    this.#end ??= {};
  }

  snapshot(): SourceStatus {
    const { base, end, bytes } = this.#received;
    const one = { topic: this.#setup.name, partition, planned: base, end, bufferedBytes: bytes };
    return {
      partitions: [{ ...one, start: this.#firstOffset }],
      bufferedBytes: bytes,
      receiver: {
        ...this.#info(),
        queuedBlocks: this.#received.blocks,
        writeAheadLogBytes: this.#log?.bytes,
      },
    };
  }

  close(): ObservableInput<unknown> {
    this.#closed = true;
    for (const supervisor of this.#supervisors) supervisor.stop();
    const received = this.#received.close();
    const log = from(this.#log?.close() ?? EMPTY);
    if (!this.#received.hung) return concat(received, log);
    // Waiting for a disk that does not answer would keep back the very error that says so.
    log.subscribe({ error: () => {} });
    return received;
  }

  #supervisor(receiver: Receiver<T>, index: number): Supervisor<T> {
    const { restart: policy, restartObserver, statusObserver } = this.#options;
    const { scheduler } = this.#setup;
    const options = { index, policy, restartObserver, statusObserver, scheduler };
    const supervisor: Supervisor<T> = new Supervisor(receiver, options, {
      room: () => this.#received.room,
      resumeFrom: () => this.#received.resumeFrom(index),
      store: (arrival, failed) => {
        // A receiver that has completed cannot fail any more, and is not started again.
        this.#received.arrive(index, arrival, (error) => (supervisor.ended ? this.#fail(error) : failed(error)));
      },
      ended: (end) => this.#ended(end),
      changed: (status) => this.#setup.received?.(status),
    });
    return supervisor;
  }

  #fetched(
    ranges: readonly OffsetRange[],
    tooOld: ReadonlySet<OffsetRange>,
    read: readonly (readonly T[])[],
  ): Fetched<T> {
    const lost: OffsetRange[] = [];
    const partitions = ranges.map((range, index): Partition<T> => {
      const records = read[index] ?? [];
      // Without a log, nothing is left of a batch that was planned before a restart.
      const until = range.from + records.length;
      if (until < range.until && !tooOld.has(range)) lost.push({ ...range, from: until });
      return { index, records, range };
    });
    const ignored = countOf([...tooOld]);
    const last = ranges.at(-1);
    const receiverPositions = last ? this.#received.readUntil(last.until) : [];
    const positions =
      last && receiverPositions.length > 0 ? [{ ...positionAfter(last), receiverPositions }] : undefined;
    const overflow = this.#received.takeSkipped();
    const skipped = overflow + ignored;
    const skippedBy = { ...(overflow > 0 && { overflow }), ...(ignored > 0 && { ignored }) };
    this.#resume();
    return {
      partitions,
      ...(positions && { positions }),
      receiver: { ...this.#info(), ...(ignored > 0 && { ignored }) },
      ...(skipped > 0 && { skipped, skippedBy }),
      ...(lost.length > 0 && { lost }),
    };
  }

  #resume(): void {
    if (this.#closed) return;
    if (this.#startDue) this.start();
    else for (const supervisor of this.#supervisors) supervisor.resume();
  }

  /** The ranges that `ignore` leaves out. */
  #tooOld(ranges: readonly OffsetRange[]): ReadonlySet<OffsetRange> {
    const { ignore, ignoreObserver } = this.#options;
    if (!ignore || ranges.length === 0) return new Set();
    const now = this.#setup.scheduler.now();
    const ageOf = (range: OffsetRange) => now - (this.#received.arrivalOf(range) ?? now);
    // The last block is the newest.
    const whole = ageOf(ranges.at(-1) as OffsetRange) > ignore.olderThan ? ranges : [];
    const left = ignore.partitions ? ranges.filter((range) => ageOf(range) > ignore.olderThan) : whole;
    const newest = left.at(-1);
    if (newest) ignoreObserver?.next?.({ ranges: left, records: countOf(left), age: ageOf(newest) });
    return new Set(left);
  }

  #info(): ReceiverInfo {
    const { records, bytes, unstored, diskBytes } = this.#received;
    return {
      queuedRecords: records,
      queuedBytes: bytes,
      unstoredRecords: unstored,
      diskBytes,
      receivers: this.#supervisors.map(({ status }) => status),
    };
  }

  #last(end: { readonly error?: unknown }): ObservableInput<Plan> {
    return 'error' in end ? throwError(() => end.error) : EMPTY;
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    for (const supervisor of this.#supervisors) supervisor.stop();
  }

  /** One receiver that fails ends the source; otherwise the last one that completes. */
  #ended(end: { readonly error?: unknown }): void {
    if (!('error' in end) && !this.#supervisors.every((supervisor) => supervisor.ended)) return;
    this.#end ??= end;
    for (const supervisor of this.#supervisors) supervisor.stop();
  }
}

function countOf(ranges: readonly OffsetRange[]): number {
  return ranges.reduce((sum, { from, until }) => sum + until - from, 0);
}

function isArray(records: unknown): boolean {
  return Array.isArray(records);
}

function lesser(rate: number | undefined, cap: number | undefined): number | undefined {
  return rate === undefined || cap === undefined ? (rate ?? cap) : Math.min(rate, cap);
}
