import type { Observable, OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { Key, Pair } from '../batch/key.js';
import type { KeyedState } from '../batch/keyedState.js';
import type { SideOutput } from '../batch/sideOutput.js';
import { type AsOfRow, AsOfTable } from '../eventtime/asOfTable.js';
import { type JoinRow, JoinRows } from '../eventtime/joinRows.js';
import { checkOptions, type OptionChecks } from '../options/checkOptions.js';
import { checkNonNegative, checkText, oneOf, orInfinity } from '../options/checks.js';
import { eventJoin, type JoinInput, type TimedResult } from './base/eventJoin.js';
import { type QueryableOption, queryableChecks, type Shown } from './base/queryableOption.js';
import type { WaitingRecord } from './base/waitingRecord.js';
import { checkLate, type LateRecord } from './eventWindowOptions.js';

/** What an `asOfJoin` does with a record that finds nothing: `'left'` has a result without the other side. */
export type AsOfJoinKind = 'left' | 'inner';

/** Options of `asOfJoin`. Times are in ms. */
export interface AsOfJoinOptions<K, L, R, J extends AsOfJoinKind>
  extends QueryableOption<number, WaitingRecord<K, L | R>> {
  /**
   * How old the record of the other stream may be, in ms of event time. With `Infinity` the newest of each key is kept for ever.
   * @default Infinity
   */
  readonly maxAge?: number | undefined;
  /**
   * Whether a record for which the other stream has nothing is passed, without the other side.
   * @default 'left'
   */
  readonly join?: J | undefined;
  /** Receives the records of the first stream that come too late. Default: `BatchInfo.eventTime` counts them. */
  readonly late?: SideOutput<LateRecord<Pair<K, L>>> | undefined;
  /** Receives the records of the other stream that come too late. Default: `BatchInfo.eventTime` counts them. */
  readonly lateOther?: SideOutput<LateRecord<Pair<K, R>>> | undefined;
  /** Name of the state, the same across deployments; required with a checkpoint. */
  readonly id?: string | undefined;
}

/** A record with what the other stream had at its time. With `join: 'left'` that may be missing. */
export interface AsOfMatch<L, R, J extends AsOfJoinKind = 'left'> {
  /** The value of the first stream. */
  readonly left: L;
  /** The value of the other. */
  readonly right: R | (J extends 'left' ? undefined : never);
  /** The event time of `left`, in ms. */
  readonly leftTime: number;
  /** The event time of `right`, in ms. */
  readonly rightTime: number | (J extends 'left' ? undefined : never);
}

const optionChecks: OptionChecks<AsOfJoinOptions<never, never, never, AsOfJoinKind>> = {
  maxAge: orInfinity(checkNonNegative),
  join: oneOf('left', 'inner'),
  late: checkLate,
  lateOther: checkLate,
  id: checkText,
  ...queryableChecks,
};

/**
 * Pairs each record with the newest record of the same key in the other stream that is not newer: the price as of the order, the
 * address as of the shipment. Results are `[key, { left, right, leftTime, rightTime }]`.
 *
 *     prices   10: 5        30: 6
 *     orders          20: a        30: b  40: c         a at 5, b and c at 6
 *
 * A record waits until the watermark of the other stream is beyond it, so that no older price can come. Of several records of one time
 * the last in its partition counts, and of those of several partitions that of the last partition. Results of one batch are in the order of
 * their event times, which they keep. A record is late if it is older than the watermark of its partition just before it: a late record
 * of the first stream has no result, and one of the other is not seen.
 *
 * The results depend on the records of each partition and nothing else, as for event-time windows. The streams are those of one driver
 * (`batchesFrom`), each with its `eventTime`.
 *
 * Source: Flink's temporal join; `merge_asof` of pandas.
 *
 * @throws {InvalidOptionError} if an option is out of its range, or `other` is not an Observable
 * @throws {MissingEventTimeError} (as a notification) if the records of one of the streams have no event time
 * @throws {InvalidRecordError} (as a notification) if a record is not a pair, or its key is an object
 * @throws {ForeignStreamError} (as a notification) if the streams are of different drivers
 * @throws {MissingIdError} (as a notification) if a checkpoint is configured and `id` is missing
 *
 * @example
 * ```ts
 * import { asOfJoin, batchesFrom, batchesSource, eventTime, foreachBatch, mapRecords } from 'dstream';
 *
 * type Event = { at: number; item: string; value: number };
 * const { orders, prices } = batchesFrom(
 *   {
 *     orders: batchesSource([[{ at: 20, item: 'tea', value: 1 }, { at: 30, item: 'tea', value: 2 }]]),
 *     prices: batchesSource([[{ at: 10, item: 'tea', value: 5 }, { at: 30, item: 'tea', value: 6 }]]),
 *   },
 *   { interval: 10 },
 * );
 * const timed = eventTime<Event>({ timestamp: ({ at }) => at, outOfOrderness: 10 });
 * const byItem = mapRecords(({ item, value }: Event) => [item, value]);
 * orders
 *   .pipe(
 *     timed,
 *     byItem,
 *     asOfJoin(prices.pipe(timed, byItem)),
 *     foreachBatch((pairs) => {
 *       for (const [item, { left, right }] of pairs) console.log(item, left, right);
 *     }),
 *   )
 *   .subscribe();
 * // => tea 1 5
 * // => tea 2 6
 * ```
 *
 * @see {@link intervalJoin}
 * @see {@link eventTime}
 * @see {@link leftOuterJoin}
 */
export function asOfJoin<P extends Pair<Key, unknown>, V, J extends AsOfJoinKind = 'left'>(
  other: Observable<Batch<P>>,
  options: AsOfJoinOptions<P[0], V, P[1], J> = {},
): OperatorFunction<Batch<Pair<P[0], V>>, Batch<Pair<P[0], AsOfMatch<V, P[1], J>>>> {
  const operator = 'asOfJoin';
  checkOptions(operator, options, optionChecks);
  const { maxAge = Infinity, join = 'left' as J, late, lateOther, id, queryable } = options;
  return eventJoin<P[0], V, P[1], SavedRow<P[0], V | P[1]>, Pair<P[0], AsOfMatch<V, P[1], J>>>({
    operator,
    other: other as Observable<Batch<Pair<P[0], P[1]>>>,
    options: { late, lateOther, id, queryable: queryable as Shown | undefined },
    signature: `maxAge=${maxAge} join=${join}`,
    show: ([key, time, value, rank]) => ({ key, time, value, side: rank === undefined ? 'left' : 'right' }),
    create: (state) => {
      const rows = new AsOfRows<P[0], V, P[1]>({ maxAge, join }, state);
      return (left, right) => rows.next(left, right) as readonly TimedResult<Pair<P[0], AsOfMatch<V, P[1], J>>>[];
    },
  });
}

/** As a checkpoint has it, under its number; of the other stream with the place of its partition and its number in there. */
type SavedRow<K, V> = readonly [key: K, time: number, value: V, rank?: number, sequence?: number];

class AsOfRows<K extends Key, L, R> {
  readonly #join: AsOfJoinKind;
  readonly #state: Pick<KeyedState<number, SavedRow<K, L | R>>, 'set' | 'delete'> | undefined;
  /** The records that wait for the watermark of the other stream. */
  readonly #waiting = new JoinRows<K, L>(0, bucketMs);
  readonly #table: AsOfTable<K, R>;
  readonly #added = new Map<number, SavedRow<K, L | R>>();
  #number = 0;

  constructor(
    { maxAge, join }: { readonly maxAge: number; readonly join: AsOfJoinKind },
    state: KeyedState<number, SavedRow<K, L | R>> | undefined,
  ) {
    this.#join = join;
    this.#state = state;
    this.#table = new AsOfTable(maxAge, bucketMs);
    for (const [number, [key, time, value, rank, sequence]] of state?.entries() ?? []) {
      if (rank === undefined || sequence === undefined) {
        this.#waiting.add({ number, key, time, value: value as L, matched: false });
      } else this.#table.add({ number, key, time, rank, sequence, value: value as R });
      this.#number = Math.max(this.#number, number + 1);
    }
  }

  next(left: JoinInput<K, L>, right: JoinInput<K, R>): readonly TimedResult<Pair<K, AsOfMatch<L, R>>>[] {
    left.visit((key, value, { time }) => {
      const number = this.#number++;
      this.#waiting.add({ number, key, time, value, matched: false });
      this.#added.set(number, [key, time, value]);
    });
    right.visit((key, value, { time, origin: { rank }, sequence }) => {
      const number = this.#number++;
      this.#table.add({ number, key, time, rank, sequence, value });
      this.#added.set(number, [key, time, value, rank, sequence]);
    });
    const results: TimedResult<Pair<K, AsOfMatch<L, R>>>[] = [];
    for (const row of this.#waiting.expire(right.after)) {
      this.#leave(row);
      const found = this.#table.at(row.key, row.time);
      if (found || this.#join === 'left') results.push([[row.key, matchOf(row, found)], row.time]);
    }
    for (const row of this.#table.expire(Math.min(left.after, right.after))) this.#leave(row);
    for (const [number, saved] of this.#added) this.#state?.set(number, saved);
    this.#added.clear();
    return results;
  }

  #leave({ number }: { readonly number: number }): void {
    if (!this.#added.delete(number)) this.#state?.delete(number);
  }
}

const bucketMs = 1_000;

function matchOf<L, R>(row: JoinRow<unknown, L>, found: AsOfRow<unknown, R> | undefined): AsOfMatch<L, R> {
  return { left: row.value, right: found?.value, leftTime: row.time, rightTime: found?.time };
}
