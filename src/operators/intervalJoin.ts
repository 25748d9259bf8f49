import type { Observable, OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import { InvalidOptionError } from '../batch/errors.js';
import type { Key, Pair } from '../batch/key.js';
import type { KeyedState } from '../batch/keyedState.js';
import type { SideOutput } from '../batch/sideOutput.js';
import { type JoinRow, JoinRows } from '../eventtime/joinRows.js';
import { checkOptions, type OptionChecks, required } from '../options/checkOptions.js';
import { checkText, oneOf } from '../options/checks.js';
import { eventJoin, type JoinInput, type TimedResult } from './base/eventJoin.js';
import { type QueryableOption, queryableChecks, type Shown } from './base/queryableOption.js';
import type { WaitingRecord } from './base/waitingRecord.js';
import { checkLate, type LateRecord } from './eventWindowOptions.js';

/** Which records of an `intervalJoin` without a partner have a result: none, those of the first stream, of the other, or of both. */
export type IntervalJoinKind = 'inner' | 'left' | 'right' | 'full';

/** Options of `intervalJoin`. Times are in ms. */
export interface IntervalJoinOptions<K, L, R, J extends IntervalJoinKind>
  extends QueryableOption<number, WaitingRecord<K, L | R>> {
  /** How much later than a record of the first stream one of the other may be at least, in ms of event time; earlier where negative. */
  readonly lower: number;
  /** How much later it may be at most, in ms of event time; earlier where negative. Both ends belong to the interval. */
  readonly upper: number;
  /**
   * Whether a record that finds no partner has a result, without the other side: `'left'` those of the first stream, `'right'` those
   * of the other.
   * @default 'inner'
   */
  readonly join?: J | undefined;
  /** Receives the records of the first stream that come too late. Default: `BatchInfo.eventTime` counts them. */
  readonly late?: SideOutput<LateRecord<Pair<K, L>>> | undefined;
  /** Receives the records of the other stream that come too late. Default: `BatchInfo.eventTime` counts them. */
  readonly lateOther?: SideOutput<LateRecord<Pair<K, R>>> | undefined;
  /** Name of the state, the same across deployments; required with a checkpoint. */
  readonly id?: string | undefined;
}

/** Two records of a key within the interval. Where `join` is not `'inner'`, one side may be missing. */
export interface IntervalMatch<L, R, J extends IntervalJoinKind = 'inner'> {
  /** The value of the first stream. */
  readonly left: L | (J extends 'right' | 'full' ? undefined : never);
  /** The value of the other. */
  readonly right: R | (J extends 'left' | 'full' ? undefined : never);
  /** The event time of `left`, in ms. */
  readonly leftTime: number | (J extends 'right' | 'full' ? undefined : never);
  /** The event time of `right`, in ms. */
  readonly rightTime: number | (J extends 'left' | 'full' ? undefined : never);
}

const optionChecks: OptionChecks<IntervalJoinOptions<never, never, never, IntervalJoinKind>> = {
  lower: required(checkFinite),
  upper: required(checkFinite),
  join: oneOf('inner', 'left', 'right', 'full'),
  late: checkLate,
  lateOther: checkLate,
  id: checkText,
  ...queryableChecks,
};

/**
 * Pairs each record with the records of the same key in the other stream whose event time is from `lower` to `upper` ms after its own:
 * `[key, { left, right, leftTime, rightTime }]`. Every such pair comes once, with the batch that brings the later one of the two.
 *
 *     lower -10, upper 20       left at 100: right from 90 to 120
 *
 * A record is kept until the watermark of the other stream has passed everything that it could be paired with. Without a partner until
 * then it has a result in outer joins, with that batch, and none may follow. A record is late if it is older than the watermark of
 * its partition just before it: it is in no pair.
 *
 * Which pairs there are depends on the records of each partition and nothing else, as for event-time windows. The streams are those
 * of one driver (`batchesFrom`), each with its `eventTime`. The event time of a pair is that of its later record, that of a record
 * without a partner the end of its interval.
 *
 * Source: Flink's interval join; stream-stream joins of Structured Streaming.
 *
 * @throws {InvalidOptionError} if an option is out of its range, or `other` is not an Observable
 * @throws {MissingEventTimeError} (as a notification) if the records of one of the streams have no event time
 * @throws {InvalidRecordError} (as a notification) if a record is not a pair, or its key is an object
 * @throws {ForeignStreamError} (as a notification) if the streams are of different drivers
 * @throws {MissingIdError} (as a notification) if a checkpoint is configured and `id` is missing
 *
 * @example
 * ```ts
 * import { batchesFrom, batchesSource, eventTime, foreachBatch, intervalJoin, mapRecords } from 'dstream';
 *
 * const { orders, payments } = batchesFrom(
 *   {
 *     orders: batchesSource([[{ at: 10, order: 'a' }, { at: 20, order: 'b' }]]),
 *     payments: batchesSource([[{ at: 45, order: 'a' }], [{ at: 90, order: 'b' }]]),
 *   },
 *   { interval: 10 },
 * );
 * const timed = eventTime<{ at: number; order: string }>({ timestamp: ({ at }) => at, outOfOrderness: 10 });
 * const byOrder = mapRecords(({ at, order }: { at: number; order: string }) => [order, at]);
 * orders
 *   .pipe(
 *     timed,
 *     byOrder,
 *     intervalJoin(payments.pipe(timed, byOrder), { lower: 0, upper: 50, join: 'left' }),
 *     foreachBatch((pairs) => {
 *       for (const [order, { leftTime, rightTime }] of pairs) console.log(order, leftTime, rightTime);
 *     }),
 *   )
 *   .subscribe();
 * // => a 10 45
 * // => b 20 undefined
 * ```
 *
 * @see {@link asOfJoin}
 * @see {@link eventTime}
 * @see {@link join}
 */
export function intervalJoin<P extends Pair<Key, unknown>, V, J extends IntervalJoinKind = 'inner'>(
  other: Observable<Batch<P>>,
  options: IntervalJoinOptions<P[0], V, P[1], J>,
): OperatorFunction<Batch<Pair<P[0], V>>, Batch<Pair<P[0], IntervalMatch<V, P[1], J>>>> {
  const operator = 'intervalJoin';
  checkOptions(operator, options, optionChecks);
  const { lower, upper, join = 'inner' as J, late, lateOther, id, queryable } = options;
  if (lower > upper) throw new InvalidOptionError(operator, 'lower', lower, `must not be above upper (${upper})`);
  return eventJoin<P[0], V, P[1], SavedRow<P[0], V | P[1]>, Pair<P[0], IntervalMatch<V, P[1], J>>>({
    operator,
    other: other as Observable<Batch<Pair<P[0], P[1]>>>,
    options: { late, lateOther, id, queryable: queryable as Shown | undefined },
    signature: `lower=${lower} upper=${upper} join=${join}`,
    show: ([key, time, value, other]) => ({ key, time, value, side: other === 0 ? 'left' : 'right' }),
    create: (state) => {
      const rows = new IntervalRows<P[0], V, P[1]>({ lower, upper, join }, state);
      return (left, right) => rows.next(left, right) as readonly TimedResult<Pair<P[0], IntervalMatch<V, P[1], J>>>[];
    },
  });
}

function checkFinite(owner: string, option: string, value: number): void {
  if (!Number.isFinite(value)) throw new InvalidOptionError(owner, option, value, 'must be a finite number');
}

/** As a checkpoint has it, under its number. A row of the other stream has `other`. */
type SavedRow<K, V> = readonly [key: K, time: number, value: V, other: 0 | 1, matched: 0 | 1];

type Match = IntervalMatch<unknown, unknown, 'full'>;

/** The rows of both streams. */
class IntervalRows<K extends Key, L, R> {
  readonly #options: { readonly lower: number; readonly upper: number; readonly join: IntervalJoinKind };
  readonly #state: Pick<KeyedState<number, SavedRow<K, L | R>>, 'set' | 'delete'> | undefined;
  readonly #lefts: JoinRows<K, L>;
  readonly #rights: JoinRows<K, R>;
  /** The rows that the batch has added or paired, with the side they are of. */
  readonly #touched = new Map<JoinRow<K, L | R>, 0 | 1>();
  #number = 0;

  constructor(
    options: { readonly lower: number; readonly upper: number; readonly join: IntervalJoinKind },
    state: KeyedState<number, SavedRow<K, L | R>> | undefined,
  ) {
    this.#options = options;
    this.#state = state;
    const { lower, upper } = options;
    const bucketMs = Math.max((upper - lower) / 8, leastBucketMs);
    this.#lefts = new JoinRows(upper, bucketMs);
    this.#rights = new JoinRows(-lower, bucketMs);
    for (const [number, [key, time, value, other, matched]] of state?.entries() ?? []) {
      const row = { number, key, time, value, matched: matched === 1 };
      if (other === 0) this.#lefts.add(row as JoinRow<K, L>);
      else this.#rights.add(row as JoinRow<K, R>);
      this.#number = Math.max(this.#number, number + 1);
    }
  }

  next(left: JoinInput<K, L>, right: JoinInput<K, R>): readonly TimedResult<Pair<K, Match>>[] {
    const { lower, upper, join } = this.#options;
    const results: TimedResult<Pair<K, Match>>[] = [];
    const pair = (one: JoinRow<K, L>, two: JoinRow<K, R>): void => {
      this.#match(one, 0);
      this.#match(two, 1);
      results.push([[one.key, matchOf(one, two)], Math.max(one.time, two.time)]);
    };
    left.visit((key, value, { time }) => {
      const row = { number: this.#number++, key, time, value, matched: false };
      this.#lefts.add(row);
      this.#touched.set(row, 0);
      this.#rights.between(key, time + lower, time + upper, (other) => pair(row, other));
    });
    right.visit((key, value, { time }) => {
      const row = { number: this.#number++, key, time, value, matched: false };
      this.#rights.add(row);
      this.#touched.set(row, 1);
      this.#lefts.between(key, time - upper, time - lower, (other) => pair(other, row));
    });
    const lefts = this.#lefts.expire(right.after);
    const rights = this.#rights.expire(left.after);
    for (const row of lefts) {
      this.#leave(row);
      if (!row.matched && (join === 'left' || join === 'full')) {
        results.push([[row.key, matchOf(row, undefined)], row.time + upper]);
      }
    }
    for (const row of rights) {
      this.#leave(row);
      if (!row.matched && (join === 'right' || join === 'full')) {
        results.push([[row.key, matchOf(undefined, row)], row.time - lower]);
      }
    }
    for (const [{ number, key, time, value, matched }, other] of this.#touched) {
      this.#state?.set(number, [key, time, value, other, matched ? 1 : 0]);
    }
    this.#touched.clear();
    return results;
  }

  #match(row: JoinRow<K, L | R>, other: 0 | 1): void {
    if (row.matched) return;
    row.matched = true;
    this.#touched.set(row, other);
  }

  #leave(row: JoinRow<K, L | R>): void {
    this.#touched.delete(row);
    this.#state?.delete(row.number);
  }
}

const leastBucketMs = 100;

function matchOf<L, R>(one: JoinRow<unknown, L> | undefined, two: JoinRow<unknown, R> | undefined): Match {
  return { left: one?.value, right: two?.value, leftTime: one?.time, rightTime: two?.time };
}
