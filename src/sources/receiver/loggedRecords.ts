import { defer, Subscription } from 'rxjs';
import type { WriteAheadLogSession } from './writeAheadLog.js';

export interface LogEvents<T> {
  /** These records are durable, and all that came before them. */
  durable(records: readonly T[]): void;
  /** The log has failed: no waiting record will be durable. */
  fail(error: unknown): void;
  /** Called before each append; what it returns is called once it has settled. Absent where nobody listens. */
  syncing?: ((records: number) => (failure?: { readonly error: unknown }) => void) | undefined;
}

/**
 * Records on their way into a write-ahead log. What arrives while one group is written is the next group: a slow disk makes
 * groups larger, and a fast one lets no record wait.
 *
 * Source: Spark's `WriteAheadLogBasedBlockHandler` and `BatchedWriteAheadLog`.
 */
export class LoggedRecords<T> {
  readonly #session: WriteAheadLogSession;
  readonly #events: LogEvents<T>;
  readonly #work = new Subscription();
  #offset: number;
  #gathered = group<T>();
  #written: readonly T[] = [];
  /** While a group is written, or its senders are notified. */
  #busy = false;

  /** `offset` is that of the first record to come. */
  constructor(session: WriteAheadLogSession, offset: number, events: LogEvents<T>) {
    this.#session = session;
    this.#offset = offset;
    this.#events = events;
  }

  /** Records that are not durable yet. */
  get size(): number {
    return this.#gathered.records.length + this.#written.length;
  }

  /** `stored` is called once the record is durable, and never if that fails. */
  push(record: T, stored: (() => void) | undefined): void {
    this.#gathered.records.push(record);
    if (stored) this.#gathered.stored.push(stored);
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
      const { records, stored } = this.#gathered;
      this.#gathered = group();
      this.#written = records;
      const synced = this.#events.syncing?.(records.length);
      const append = new Subscription();
      this.#work.add(append);
      append.add(
        defer(() => this.#session.append({ from: this.#offset, records })).subscribe({
          error: (error: unknown) => {
            this.#work.unsubscribe();
            synced?.({ error });
            this.#events.fail(error);
          },
          complete: () => {
            this.#work.remove(append);
            synced?.();
            this.#done(records, stored);
          },
        }),
      );
    }
  }

  #done(records: readonly T[], stored: readonly (() => void)[]): void {
    this.#offset += records.length;
    this.#written = [];
    this.#events.durable(records);
    for (const notify of stored) notify();
    this.#busy = false;
    this.#write();
  }
}

/** Records, with the callbacks of those that want to know when they are durable. */
function group<T>(): { readonly records: T[]; readonly stored: (() => void)[] } {
  return { records: [], stored: [] };
}
