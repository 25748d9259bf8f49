import { Observable, type SchedulerLike, Subscription } from 'rxjs';
import { scheduleAfter } from '../backpressure/longDelay.js';
import {
  InvalidOptionError,
  PartitionFailedError,
  partitionInWords,
  ThreadExitedError,
  type ThreadPartition,
  TimedOutError,
  UncloneableRecordError,
} from '../batch/errors.js';
import { Fifo } from '../collections/fifo.js';
import type { PartitionAnswer, PartitionWork } from './partitionMessages.js';
import type { PartitionThread, StartPartitionThread, ThreadExit } from './partitionThread.js';
import { revive } from './thrownError.js';
import { uncloneableIn } from './uncloneableIn.js';

/** What a pool needs to know. Times in ms. */
export interface PartitionPoolOptions {
  readonly operator: string;
  readonly id: string | undefined;
  readonly url: URL;
  readonly threads: number;
  /** Of a partition, from when a thread has first begun with it. */
  readonly timeout: number;
  /** When a partition is begun a second time; `Infinity` for never. */
  readonly hedgeAfter: number;
  /** How often a partition is begun again whose thread has ended. */
  readonly restarts: number;
  readonly scheduler: SchedulerLike;
}

/** A thread, with what it works on. */
interface Slot {
  readonly thread: PartitionThread;
  job: Job | undefined;
}

interface Job {
  readonly work: PartitionWork;
  readonly at: ThreadPartition;
  readonly done: (records: readonly unknown[]) => void;
  readonly failed: (error: unknown) => void;
  /** The threads that work on it. */
  readonly slots: Set<Slot>;
  readonly timers: Subscription;
  starts: number;
  exits: number;
  settled: boolean;
}

/**
 * Threads that work on partitions, each on one at a time. They start when they are needed, and one that has ended is replaced when it is
 * missed.
 *
 *     waiting ──> a thread ──answer──> done      the first answer counts; a thread that still works on another copy is ended
 *        ^         │    │ `hedgeAfter`
 *        │         │    └────> copies ──> a second thread, if one is free and nothing waits
 *        └─exited──┘
 */
export class PartitionPool {
  readonly #start: StartPartitionThread;
  readonly #options: PartitionPoolOptions;
  readonly #slots = new Set<Slot>();
  /** Begun before, and to be begun again: they come first. */
  #again: Job[] = [];
  readonly #waiting = new Fifo<Job>();
  #copies: Job[] = [];
  readonly #filling = new Subscription();

  constructor(start: StartPartitionThread, options: PartitionPoolOptions) {
    this.#start = start;
    this.#options = options;
  }

  /** Emits the new records of a partition. Unsubscribing ends the threads that work on it. */
  run(work: PartitionWork): Observable<readonly unknown[]> {
    return new Observable((subscriber) => {
      const { operator, id } = this.#options;
      const job: Job = {
        work,
        at: { operator, id, partition: work.partition.index, time: work.context.time },
        done: (records) => {
          subscriber.next(records);
          subscriber.complete();
        },
        failed: (error) => subscriber.error(error),
        slots: new Set(),
        timers: new Subscription(),
        starts: 0,
        exits: 0,
        settled: false,
      };
      this.#waiting.push(job);
      this.#fill();
      return () => {
        if (job.settled) return;
        this.#drop(job);
        // Later: when a batch is abandoned, its other partitions are about to be too.
        this.#filling.add(this.#options.scheduler.schedule(() => this.#fill()));
      };
    });
  }

  /** Ends all threads, and starts no more. */
  close(): void {
    this.#filling.unsubscribe();
    for (const { thread } of this.#slots) thread.end();
    this.#slots.clear();
  }

  // ---- starting

  /** Sends work to threads that have nothing to do. */
  #fill(): void {
    if (this.#filling.closed) return;
    for (let job = this.#next(); job !== undefined; job = this.#next()) this.#begin(job);
  }

  /** What is to be begun, if a thread is free for it. */
  #next(): Job | undefined {
    if (!this.#idle && this.#slots.size >= this.#options.threads) return undefined;
    const first = this.#again.shift();
    if (first) return first;
    for (let job = this.#waiting.shift(); job !== undefined; job = this.#waiting.shift()) if (!job.settled) return job;
    return this.#copies.shift();
  }

  get #idle(): Slot | undefined {
    for (const slot of this.#slots) if (!slot.job) return slot;
    return undefined;
  }

  #begin(job: Job): void {
    const slot = this.#idle ?? this.#newSlot();
    const { partition, context } = job.work;
    slot.job = job;
    job.slots.add(slot);
    const attempt = job.starts++;
    if (attempt === 0) this.#time(job);
    slot.thread.send({ partition, context: { ...context, attempt } });
  }

  #newSlot(): Slot {
    const thread = this.#start({
      answered: (answer) => this.#answered(slot, answer),
      refused: (error) => this.#refused(slot, error),
      exited: (exit) => this.#exited(slot, exit),
    });
    const slot: Slot = { thread, job: undefined };
    this.#slots.add(slot);
    return slot;
  }

  #time(job: Job): void {
    const { timeout, hedgeAfter, scheduler } = this.#options;
    const late = () => this.#settle(job, () => job.failed(new TimedOutError(partitionInWords(job.at), timeout)));
    if (timeout !== Infinity) job.timers.add(scheduleAfter(scheduler, timeout, late));
    if (hedgeAfter === Infinity) return;
    const copy = () => {
      // One whose thread has just ended is begun again anyway.
      if (job.slots.size > 0) this.#copies.push(job);
      this.#fill();
    };
    job.timers.add(scheduleAfter(scheduler, hedgeAfter, copy));
  }

  // ---- ending

  #answered(slot: Slot, answer: PartitionAnswer): void {
    const { job } = slot;
    slot.job = undefined;
    if (!job) return;
    job.slots.delete(slot);
    this.#settle(job, () => {
      if (answer.type === 'records') job.done(answer.records);
      else job.failed(this.#errorOf(job, answer));
    });
  }

  #refused(slot: Slot, error: unknown): void {
    const { job } = slot;
    slot.job = undefined;
    if (!job) return;
    job.slots.delete(slot);
    this.#settle(job, () => job.failed(this.#uncloneable(job, error)));
  }

  #exited(slot: Slot, { exitCode, error }: ThreadExit): void {
    const { job } = slot;
    this.#slots.delete(slot);
    if (!job) return;
    job.slots.delete(slot);
    job.exits++;
    // A copy that another thread works on may still answer.
    if (job.slots.size > 0) return;
    if (job.exits <= this.#options.restarts) {
      this.#copies = this.#copies.filter((copy) => copy !== job);
      this.#again.push(job);
      this.#fill();
      return;
    }
    const cause = error === undefined ? undefined : { cause: error };
    const failure = new ThreadExitedError(partitionInWords(job.at), job.exits, exitCode, cause);
    this.#settle(job, () => job.failed(failure));
  }

  #settle(job: Job, notify: () => void): void {
    this.#drop(job);
    notify();
    this.#fill();
  }

  /** The partition is done with, however: threads that still work on it are ended, since nobody knows for how long they would. */
  #drop(job: Job): void {
    job.settled = true;
    job.timers.unsubscribe();
    this.#again = this.#again.filter((one) => one !== job);
    this.#copies = this.#copies.filter((one) => one !== job);
    for (const slot of job.slots) {
      if (this.#slots.delete(slot)) slot.thread.end();
    }
    job.slots.clear();
  }

  #errorOf(job: Job, answer: Exclude<PartitionAnswer, { type: 'records' }>): unknown {
    const { operator, url } = this.#options;
    if (answer.type === 'unusable') return new InvalidOptionError(operator, 'url', url.href, answer.rule);
    const cause = revive(answer.error);
    if (answer.type === 'failed') return new PartitionFailedError(job.at, { cause });
    return new UncloneableRecordError(operator, answer.shown, { index: job.at.partition }, { cause });
  }

  #uncloneable(job: Job, error: unknown): unknown {
    const { record, place } = uncloneableIn(job.work.partition);
    return new UncloneableRecordError(this.#options.operator, record, place, { cause: error });
  }
}
