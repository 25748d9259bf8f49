import type { Observable, OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import { InvalidRecordError } from '../batch/errors.js';
import type { Key, Pair } from '../batch/key.js';
import type { KeyedState } from '../batch/keyedState.js';
import { tableReset } from '../batch/tableReset.js';
import { checkOwnKey } from '../collections/ownKeys.js';
import { checkPair } from '../collections/pairs.js';
import { checkOptions, type OptionChecks } from '../options/checkOptions.js';
import { checkText, oneOf, withMethods } from '../options/checks.js';
import type { QueryableState } from '../state/queryable.js';
import { alignBatches, checkStream } from './base/alignBatches.js';
import { perBatchWithState } from './base/perBatchWithState.js';
import { visitEach } from './base/visitEach.js';

/** Options of `joinTable`. */
export interface JoinTableOptions<K extends Key, R, Missing extends 'drop' | 'keep' | 'error'> {
  /** Name of the table's state, the same across deployments; required with a checkpoint. */
  readonly id?: string | undefined;
  /**
   * What becomes of a pair whose key has no row: it is dropped, goes on with `undefined` as its row, or fails with an
   * `InvalidRecordError`.
   * @default 'drop'
   */
  readonly missing?: Missing | undefined;
  /** Created by `queryable()`: the table as of the last complete batch, readable from outside. Default: not readable. */
  readonly queryable?: QueryableState<K, NonNullable<R>> | undefined;
}

const optionChecks: OptionChecks<JoinTableOptions<never, never, never>> = {
  id: checkText,
  missing: oneOf('drop', 'keep', 'error'),
  queryable: withMethods('connect'),
};

/**
 * Looks up the row of each key in a table: pairs `[key, [value, row]]`. The table is kept in the state of this operator; `table` is a stream
 * of its changes, pairs of key and new row, or `null` for a row that is deleted, of the same driver: `kafkaTable`, `logTable` or `tableFrom`
 * as a source of `batchesFrom`.
 *
 * The changes of a batch apply before its pairs are looked up, so the result of a batch depends on nothing but what the batches up to it
 * contain. The table is saved in the checkpoint as any other state, and only what a batch changed.
 *
 * A batch costs its pairs and the changes of the table, not the table. Rows must not be changed. The result is one partition without an offset range.
 *
 * Source: a `KStream` joined with a `KTable` of Kafka Streams.
 *
 * @throws {InvalidOptionError} if `table` is not an Observable, or `missing` is unknown
 * @throws {ForeignStreamError} (as a notification) if the streams are of different drivers
 * @throws {InvalidRecordError} (as a notification) if a record is not a pair, or its key is an object; with `missing: 'error'`, if a key has
 * no row
 * @throws {MissingIdError} (as a notification) if a checkpoint is configured and `id` is missing
 *
 * @example
 * ```ts
 * import { batchesFrom, batchesSource, foreachBatch, joinTable } from 'dstream';
 *
 * const { clicks, users } = batchesFrom(
 *   {
 *     clicks: batchesSource([[['ann', '/'], ['eve', '/']], [['ann', '/cart']]]),
 *     users: batchesSource([[['ann', 'Paris']], [['ann', 'Rome']]]),
 *   },
 *   { interval: 10 },
 * );
 * clicks
 *   .pipe(
 *     joinTable(users),
 *     foreachBatch((joined) => { for (const [user, both] of joined) console.log(user, both); }),
 *   )
 *   .subscribe();
 * // => ann [ '/', 'Paris' ]
 * // => ann [ '/cart', 'Rome' ]
 * ```
 *
 * @see {@link logTable}, {@link tableFrom}, {@link join}
 */
export function joinTable<K extends Key, R, Missing extends 'drop' | 'keep' | 'error' = 'drop'>(
  table: Observable<Batch<Pair<K, R>>>,
  options: JoinTableOptions<K, R, Missing> = {},
): <V>(source: Observable<Batch<Pair<K, V>>>) => Observable<Batch<Joined<K, V, R, Missing>>> {
  checkStream('joinTable', 'table', table);
  checkOptions('joinTable', options, optionChecks);
  const { id, missing = 'drop', queryable } = options;
  const owner = { operator: 'joinTable', id };
  return <V>(source: Observable<Batch<Pair<K, V>>>) => {
    const joined: OperatorFunction<
      Batch<readonly Batch<unknown>[]>,
      Batch<Pair<K, readonly [V, R | undefined]>>
    > = perBatchWithState<readonly Batch<unknown>[], Pair<K, readonly [V, R | undefined]>, K, NonNullable<R>>(
      { ...owner, queryable },
      (rows) => {
        // One that was handed over as a whole has every key, in a job that is divided into tasks too.
        let isWhole = false;
        return (aligned) => {
          const [left, changes] = aligned.records[0] as readonly [Batch<Pair<K, V>>, Batch<Pair<K, R>>];
          if (applyChanges(owner, rows, changes)) isWhole = true;
          return aligned.withRecords(lookUp(owner, rows, left, { missing, isWhole }));
        };
      },
    );
    return alignBatches('joinTable', [source, table]).pipe(joined) as Observable<Batch<Joined<K, V, R, Missing>>>;
  };
}

/** A pair with the row of its key. */
export type Joined<K extends Key, V, R, Missing extends 'drop' | 'keep' | 'error'> = Pair<
  K,
  readonly [V, 'keep' extends Missing ? NonNullable<R> | undefined : NonNullable<R>]
>;

type Owner = { readonly operator: string; readonly id: string | undefined };

/** Returns whether the whole table was among the changes. */
function applyChanges<K extends Key, R>(
  owner: Owner,
  rows: KeyedState<K, NonNullable<R>>,
  changes: Batch<Pair<K, R>>,
): boolean {
  let stale: Set<K> | undefined;
  visitEach(changes, owner, (change) => {
    if ((change?.[0] as unknown) === tableReset) {
      stale = new Set(Array.from(rows.entries(), ([key]) => key));
      return;
    }
    checkPair(owner.operator, change);
    const [key, row] = change;
    stale?.delete(key);
    if (row === null || row === undefined) rows.delete(key);
    else rows.set(key, row);
  });
  for (const key of stale ?? []) rows.delete(key);
  return stale !== undefined;
}

function lookUp<K extends Key, V, R>(
  owner: Owner,
  rows: KeyedState<K, NonNullable<R>>,
  batch: Batch<Pair<K, V>>,
  { missing, isWhole }: { readonly missing: 'drop' | 'keep' | 'error'; readonly isWhole: boolean },
): readonly Pair<K, readonly [V, R | undefined]>[] {
  const joined: Pair<K, readonly [V, R | undefined]>[] = [];
  for (const { records } of batch.partitions) {
    rows.prepare?.(records.map((record) => (Array.isArray(record) ? record[0] : (null as K))));
  }
  visitEach(batch, owner, (record) => {
    if (!Array.isArray(record)) checkPair(owner.operator, record);
    const row = rows.get(record[0]);
    if (row === undefined) {
      checkPair(owner.operator, record);
      if (!isWhole) checkOwnKey(owner.operator, record[0]);
      if (missing === 'error') throw new InvalidRecordError(owner.operator, record[0], 'has no row in the table');
      if (missing === 'drop') return;
    }
    joined.push([record[0], [record[1], row]]);
  });
  return joined;
}
