import {
  defer,
  EMPTY,
  isObservable,
  last,
  map,
  type Observable,
  type ObservableInput,
  of,
  ReplaySubject,
  repeat,
  take,
  throwError,
} from 'rxjs';
import { longTimer } from '../backpressure/longDelay.js';
import { InvalidOptionError } from '../batch/errors.js';
import type { Key, Pair } from '../batch/key.js';
import { tableReset } from '../batch/tableReset.js';
import { checkOptions, type OptionChecks } from '../options/checkOptions.js';
import { checkPositiveInteger } from '../options/checks.js';
import type { Fetched, Plan, Source, SourceRun, SourceSetup } from './source.js';

/** Options of `tableFrom`. */
export interface TableFromOptions {
  /** Time from the end of one load to the next, in ms, for a loader. Default: it is loaded once. */
  readonly refreshInterval?: number | undefined;
}

const optionChecks: OptionChecks<TableFromOptions> = { refreshInterval: checkPositiveInteger };

/**
 * A table for `batchesFrom` and `joinTable` from anywhere: each value is a whole table, as pairs of key and row (a `Map` will do). `input` is
 * an Observable of tables, or an asynchronous function that loads one, which may be called again every `refreshInterval` ms.
 *
 * The first batch waits for the first table. A batch sees the latest table that was there when it was planned; what changed since the one
 * before is found by comparing rows by identity, so a refresh costs the table, and other batches nothing. After a crash a batch is joined
 * with the table of that moment, which may be newer.
 *
 * @throws {InvalidOptionError} if `input` is neither an Observable nor a function, or `refreshInterval` is not a positive integer
 *
 * @example
 * ```ts
 * import { batchesFrom, batchesSource, foreachBatch, joinTable, tableFrom } from 'dstream';
 *
 * const load = async () => new Map([['OSL', 'Oslo']]);
 * const { delays, airports } = batchesFrom(
 *   { delays: batchesSource([[['OSL', 7], ['XXX', 3]]]), airports: tableFrom(load, { refreshInterval: 60_000 }) },
 *   { interval: 10 },
 * );
 * delays
 *   .pipe(
 *     joinTable(airports, { missing: 'keep' }),
 *     foreachBatch((joined) => {
 *       for (const [code, [delay, name]] of joined) console.log(code, delay, name);
 *       void delays.stop();
 *     }),
 *   )
 *   .subscribe();
 * // => OSL 7 Oslo
 * // => XXX 3 undefined
 * ```
 *
 * @see {@link joinTable}
 * @see {@link logTable}
 */
export function tableFrom<K extends Key, V>(
  input: Observable<Iterable<readonly [K, V]>> | (() => ObservableInput<Iterable<readonly [K, V]>>),
  options: TableFromOptions = {},
): Source<Pair<K, V | null>> {
  if (!isObservable(input) && typeof input !== 'function') {
    throw new InvalidOptionError(
      'tableFrom',
      'input',
      input,
      'must be an Observable of tables, or a function that loads one',
    );
  }
  checkOptions('tableFrom', options, optionChecks);
  const { refreshInterval } = options;
  return {
    kind: 'tableFrom',
    durable: false,
    readFirst: true,
    open: ({ scheduler }: SourceSetup) => {
      const loaded = isObservable(input) ? input : defer(() => input()).pipe(last());
      const again = repeat<Iterable<readonly [K, V]>>({ delay: () => longTimer(refreshInterval ?? 0, scheduler) });
      return of(new TableRun(isObservable(input) || refreshInterval === undefined ? loaded : loaded.pipe(again)));
    },
  };
}

class TableRun<K extends Key, V> implements SourceRun<Pair<K, V | null>> {
  /** The latest table. */
  readonly #latest = new ReplaySubject<ReadonlyMap<K, V>>(1);
  /** What the input has failed with: a table that came before does not count any more. */
  #failure: { readonly error: unknown } | undefined;
  /** The table that each batch was planned with. */
  readonly #planned = new WeakMap<Plan, ReadonlyMap<K, V>>();
  readonly #subscription;
  /** What the operators have. */
  #delivered: ReadonlyMap<K, V> | undefined;

  constructor(tables: Observable<Iterable<readonly [K, V]>>) {
    this.#subscription = tables.pipe(map((rows) => (rows instanceof Map ? rows : new Map(rows)))).subscribe({
      next: (table) => this.#latest.next(table),
      error: (error: unknown) => {
        this.#failure = { error };
        this.#latest.error(error);
      },
      // A table that has been loaded stays.
    });
  }

  plan(): Observable<Plan> {
    return this.#current().pipe(
      map((table) => {
        const plan: Plan = { ranges: [], lag: 0 };
        this.#planned.set(plan, table);
        return plan;
      }),
    );
  }

  /** A plan that is replayed is of another life: it has the table of now. */
  fetch(plan: Plan): Observable<Fetched<Pair<K, V | null>>> {
    const planned = this.#planned.get(plan);
    const table = planned ? of(planned) : this.#current();
    return table.pipe(map((rows) => ({ partitions: [{ index: 0, records: this.#changesTo(rows) }] })));
  }

  commit(): ObservableInput<never> {
    return EMPTY;
  }

  close(): ObservableInput<never> {
    return defer(() => {
      this.#subscription.unsubscribe();
      return EMPTY;
    });
  }

  #current(): Observable<ReadonlyMap<K, V>> {
    return defer(() => (this.#failure ? throwError(() => this.#failure?.error) : this.#latest.pipe(take(1))));
  }

  #changesTo(rows: ReadonlyMap<K, V>): readonly Pair<K, V | null>[] {
    const before = this.#delivered;
    if (before === rows) return [];
    this.#delivered = rows;
    // What a checkpoint has may be of an older table, of which nobody knows here.
    if (!before) return [[tableReset as unknown as K, null], ...rows];
    const changes: Pair<K, V | null>[] = [];
    for (const [key, row] of rows) if (!Object.is(before.get(key), row)) changes.push([key, row]);
    for (const key of before.keys()) if (!rows.has(key)) changes.push([key, null]);
    return changes;
  }
}
