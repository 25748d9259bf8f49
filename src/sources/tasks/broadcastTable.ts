import { defer, EMPTY, filter, map, type Observable, type ObservableInput, of, ReplaySubject, take } from 'rxjs';
import type { Key } from '../../batch/key.js';
import { tableReset } from '../../batch/tableReset.js';
import { batchesOf } from '../../driver/batchesOf.js';
import type { ResolvedDriverOptions } from '../../driver/driverOptions.js';
import type { TableChange } from '../log/tableOptions.js';
import type { Fetched, Plan, Source, SourceRun } from '../source.js';

type Change = TableChange<Key, unknown>;

/** Of changes that some task has not taken, this many are kept, or as many as there are rows. */
const minKeptChanges = 1_024;

/**
 * A table that all tasks of a process see whole: it is read once, by a driver of its own, while any task has it open. A task takes what has
 * changed since its batch before, and the whole table where too much has.
 */
export class BroadcastTable {
  readonly #source: Source<Change>;
  readonly #options: ResolvedDriverOptions;
  #reading: TableReading | undefined;

  /** `options` are those of the job. */
  constructor(source: Source<Change>, options: ResolvedDriverOptions, name: string) {
    this.#source = source;
    this.#options = {
      ...options,
      name: `${options.name}/${name}`,
      checkpoint: undefined,
      backpressure: undefined,
      batchObserver: undefined,
      retry: undefined,
      onBatchError: 'fail',
    };
  }

  /** The table as a source of one task. */
  get source(): Source<Change> {
    return {
      kind: this.#source.kind,
      durable: false,
      readFirst: true,
      open: () => defer(() => of(new TableOfTask(this.#opened()))),
    };
  }

  /** One that has failed is read again for tasks that open it later. */
  #opened(): TableReading {
    if (!this.#reading?.isOpen) this.#reading = new TableReading(this.#source, this.#options);
    return this.#reading;
  }
}

/** One reading of the table, from its beginning. */
class TableReading {
  readonly #rows = new Map<Key, unknown>();
  /** The version of the table before the first of these changes. */
  #base = 0;
  #changes: Change[] = [];
  /** Emits once the table has been read to the end that it had; fails when it cannot be read. */
  readonly #ready = new ReplaySubject<boolean>(1);
  readonly #tasks = new Set<TableOfTask>();
  readonly #subscription;
  isOpen = true;

  constructor(source: Source<Change>, options: ResolvedDriverOptions) {
    const batches = batchesOf('table', source, {
      ...options,
      batchObserver: { next: ({ inputs }) => this.#ready.next((inputs.table?.lag ?? 0) === 0) },
    });
    const failed = (error: unknown) => {
      this.isOpen = false;
      this.#ready.error(error);
    };
    this.#subscription = batches.subscribe({ next: ({ records }) => this.#apply(records), error: failed });
  }

  /** Emits when the table is there. */
  get ready(): Observable<unknown> {
    return this.#ready.pipe(filter(Boolean), take(1));
  }

  get version(): number {
    return this.#base + this.#changes.length;
  }

  /** What has changed since a version; the whole table for a task that has nothing yet, or where too much has changed. */
  since(version: number | undefined): readonly Change[] {
    if (version === undefined || version < this.#base) {
      return [[tableReset as unknown as Key, null], ...this.#rows];
    }
    return this.#changes.slice(version - this.#base);
  }

  join(task: TableOfTask): void {
    this.#tasks.add(task);
  }

  leave(task: TableOfTask): void {
    this.#tasks.delete(task);
    if (this.#tasks.size > 0) return;
    this.isOpen = false;
    this.#subscription.unsubscribe();
  }

  /** Forgets what all tasks have. */
  taken(): void {
    const versions = [...this.#tasks].map(({ version }) => version ?? Infinity);
    const least = Math.min(this.version, ...versions);
    if (least <= this.#base) return;
    this.#changes = this.#changes.slice(least - this.#base);
    this.#base = least;
  }

  #apply(changes: readonly Change[]): void {
    for (const change of changes) {
      const [key, row] = change;
      if (row === null) this.#rows.delete(key);
      else this.#rows.set(key, row);
      this.#changes.push(change);
    }
    if (this.#changes.length <= Math.max(this.#rows.size, minKeptChanges)) return;
    this.#base += this.#changes.length;
    this.#changes = [];
  }
}

/** What one task has of the table. */
class TableOfTask implements SourceRun<Change> {
  readonly #reading: TableReading;
  /** The version that its operators have. */
  version: number | undefined;

  constructor(reading: TableReading) {
    this.#reading = reading;
    reading.join(this);
  }

  plan(): Observable<Plan> {
    return this.#reading.ready.pipe(map((): Plan => ({ ranges: [], lag: 0 })));
  }

  /** A plan that is replayed is of another life: it has the table of now. */
  fetch(): Observable<Fetched<Change>> {
    return this.#reading.ready.pipe(
      map(() => {
        const records = this.#reading.since(this.version);
        this.version = this.#reading.version;
        this.#reading.taken();
        return { partitions: [{ index: 0, records }] };
      }),
    );
  }

  commit(): ObservableInput<never> {
    return EMPTY;
  }

  close(): ObservableInput<never> {
    return defer(() => {
      this.#reading.leave(this);
      return EMPTY;
    });
  }
}
