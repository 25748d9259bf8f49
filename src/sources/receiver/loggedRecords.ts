import { defer, type SchedulerLike, Subscription } from 'rxjs';
import { TimedOutError } from '../../batch/errors.js';
import { Alarm } from './alarm.js';
import type { BlockPositions, WriteAheadLogSession } from './writeAheadLog.js';

/** Records that are written together. */
export interface LogGroup<T> {
  readonly records: readonly T[];
  /** Their bytes in memory. */
  readonly sizes: readonly number[];
  /** After how many of the records a block ends, ascending: records that were handed over together are one. */
  readonly cuts: readonly number[];
}

export interface LogPush {
  readonly stored?: (() => void) | undefined;
  readonly block?: boolean | undefined;
  /** Where the receivers go on after the records. */
  readonly positions?: BlockPositions | undefined;
}

export interface LogEvents<T> {
  /** These records are durable, and all that came before them. */
  durable(group: LogGroup<T>): void;
  /** The log has failed: no waiting record will be durable. */
  fail(error: unknown): void;
  /** Called before each append; what it returns is called once it has settled. Absent where nobody listens. */
  syncing?: ((records: number) => (failure?: { readonly error: unknown }) => void) | undefined;
}

export interface LogLimits {
  readonly scheduler: SchedulerLike;
  /** How long a write may take, in ms. */
  readonly storeTimeout: number;
  /** Names the log in the error. */
  readonly location: string;
}

class GatheredGroup<T> implements LogGroup<T> {
  readonly records: T[] = [];
  readonly sizes: number[] = [];
  readonly cuts: number[] = [];
  /** Callbacks of those that want to know when they are durable. */
  readonly stored: (() => void)[] = [];
  /** Where the receivers go on after some of the records. */
  readonly positions: BlockPositions[] = [];
  bytes = 0;
}

/**
 * Records on their way into a write-ahead log. What arrives while one group is written is the next group: a slow disk makes
 * groups larger, and a fast one lets no record wait.
 *
 * Source: Spark's `WriteAheadLogBasedBlockHandler` and `BatchedWriteAheadLog`.
 */
export class LoggedRecords<T> {
  readonly #session: WriteAheadLogSession;
  readonly #limits: LogLimits;
  readonly #events: LogEvents<T>;
  readonly #work = new Subscription();
  #offset: number;
  #gathered = new GatheredGroup<T>();
  #written = new GatheredGroup<T>();
  /** While a group is written, or its senders are notified. */
  #busy = false;
  #hung = false;

  /** `offset` is that of the first record to come. */
  constructor(session: WriteAheadLogSession, offset: number, limits: LogLimits, events: LogEvents<T>) {
    this.#session = session;
    this.#offset = offset;
    this.#limits = limits;
    this.#events = events;
  }

  /** Whether a write has not answered: then closing the log may not answer either. */
  get hung(): boolean {
    return this.#hung;
  }

  /** Records that are not durable yet. */
  get size(): number {
    return this.#gathered.records.length + this.#written.records.length;
  }

  /** Their bytes in memory. */
  get bytes(): number {
    return this.#gathered.bytes + this.#written.bytes;
  }

  /** `stored` is called once the records are durable, and never if that fails. With `block` they are a block of their own. */
  push(records: readonly T[], sizes: readonly number[], { stored, block, positions }: LogPush = {}): void {
    const group = this.#gathered;
    if (positions) group.positions.push(positions);
    if (block) group.cuts.push(group.records.length, group.records.length + records.length);
    for (const record of records) group.records.push(record);
    for (const size of sizes) {
      group.sizes.push(size);
      group.bytes += size;
    }
    if (stored) group.stored.push(stored);
    this.#write();
  }

  /** Nothing more is reported. */
  close(): void {
    this.#work.unsubscribe();
  }

  /** A loop, because a log in memory finishes synchronously. */
  #write(): void {
    while (!this.#busy && !this.#work.closed && this.#gathered.records.length > 0) {
      this.#busy = true;
      const group = this.#gathered;
      this.#gathered = new GatheredGroup();
      this.#written = group;
      this.#append(group);
    }
  }

  #append(group: GatheredGroup<T>): void {
    const { scheduler, storeTimeout } = this.#limits;
    const { positions } = group;
    const place = positions.length > 0 ? { positions } : {};
    const block = { from: this.#offset, records: group.records, time: scheduler.now(), ...place };
    const synced = this.#events.syncing?.(group.records.length);
    const append = new Subscription();
    let late: Alarm | undefined;
    const settled = () => {
      late?.cancel();
      this.#work.remove(append);
    };
    this.#work.add(append);
    const written = defer(() => this.#session.append(block)).subscribe({
      error: (error: unknown) => {
        settled();
        synced?.({ error });
        this.#fail(error);
      },
      complete: () => {
        settled();
        synced?.();
        this.#done(group);
      },
    });
    append.add(written);
    if (written.closed || storeTimeout === Infinity) return;
    late = new Alarm(scheduler, storeTimeout, () => {
      this.#hung = true;
      const error = this.#timedOut(block);
      synced?.({ error });
      this.#fail(error);
    });
    append.add(() => late?.cancel());
  }

  #timedOut({ from, records }: { readonly from: number; readonly records: readonly T[] }): TimedOutError {
    const { location, storeTimeout } = this.#limits;
    return new TimedOutError(
      `writing records ${from} to ${from + records.length} to the write-ahead log ${location}`,
      storeTimeout,
    );
  }

  #fail(error: unknown): void {
    this.#work.unsubscribe();
    this.#events.fail(error);
  }

  #done(group: GatheredGroup<T>): void {
    this.#offset += group.records.length;
    this.#written = new GatheredGroup();
    this.#events.durable(group);
    for (const notify of group.stored) notify();
    this.#busy = false;
    this.#write();
  }
}
