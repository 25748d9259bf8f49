import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import { MissingEventTimeError } from '../batch/errors.js';
import { type EventClock, eventTimeOf } from '../batch/eventTime.js';
import { addEventTimeCounts } from '../batch/eventTimeCounts.js';
import type { Key, Pair } from '../batch/key.js';
import { SideOutput } from '../batch/sideOutput.js';
import { checkOwnKey } from '../collections/ownKeys.js';
import { checkPair } from '../collections/pairs.js';
import { EventSessions, type OpenEventSession } from '../eventtime/eventSessions.js';
import { SessionChanges } from '../eventtime/sessionChanges.js';
import { inEventOrder, type TimedInput, type TimedInputs } from '../eventtime/timedInputs.js';
import { checkOptions, type OptionChecks, required } from '../options/checkOptions.js';
import { checkNonNegative, checkPositive, checkText, oneOf } from '../options/checks.js';
import type { Aggregator } from '../windows/aggregator.js';
import { aggregatorSignature } from '../windows/aggregatorSignature.js';
import { checkAggregator } from '../windows/checkAggregator.js';
import { eventResults } from './base/eventResults.js';
import { feeding } from './base/feeding.js';
import { lateRecord } from './base/lateRecord.js';
import { perBatchWithState } from './base/perBatchWithState.js';
import { type QueryableOption, queryableChecks, type Shown, shownIn } from './base/queryableOption.js';
import { saveTouched } from './base/saveTouched.js';
import { valueList } from './base/valueList.js';
import { checkLate, type LateRecord, lateFeeds } from './eventWindowOptions.js';
import { afterSteps } from './fusion/perRecord.js';
import type { Session } from './sessionWindow.js';

/** When sessions come: the option `emit` of `eventSessionWindow`. */
export type SessionEmit = 'final' | 'changes';

/** A session that may still change: where `emit` is `'changes'`. */
export interface SessionUpdate<R> extends Session<R | undefined> {
  /** Whether it is complete: nothing follows for it. */
  readonly final: boolean;
}

/** A session, as `emit` says. */
export type EmittedSession<R, E extends SessionEmit> = E extends 'final' ? Session<R> : SessionUpdate<R>;

/** Options of `eventSessionWindow`. */
export interface EventSessionWindowOptions<T, E extends SessionEmit = 'final'> {
  /** Longest time between two records of one session, in ms of event time. */
  readonly gap: number;
  /**
   * How much older than the watermark a record may be that still counts, in ms of event time. Sessions close later by as much.
   * @default 0
   */
  readonly allowedLateness?: number | undefined;
  /**
   * `'final'`: a session comes once, when it is complete. `'changes'`: with each batch that changes it, and a last time with `final: true`.
   * Key and start tell sessions apart: if an earlier record moves the start, or joins two, the former comes with `value: undefined` first.
   * @default 'final'
   */
  readonly emit?: E | undefined;
  /** Receives the records that come too late for any session. Default: `BatchInfo.eventTime` counts them. */
  readonly late?: SideOutput<LateRecord<T>> | undefined;
  /** Name of the state, the same across deployments; required with a checkpoint. */
  readonly id?: string | undefined;
}

const optionChecks: OptionChecks<
  EventSessionWindowOptions<never, SessionEmit> & QueryableOption<never, never> & { readonly aggregator?: unknown }
> = {
  gap: required(checkPositive),
  allowedLateness: checkNonNegative,
  emit: oneOf('final', 'changes'),
  aggregator: checkAggregator,
  late: checkLate,
  id: checkText,
  ...queryableChecks,
};

/**
 * Gathers the records of each key into sessions by event time. Records of a key whose times are at most `gap` apart are of one session. It
 * comes once, with the batch in which the watermark is more than the gap beyond its last record. Sessions of one batch are in the order
 * of their ends, then of their starts and keys.
 *
 *     event time  10   20   30   40   50   60   70        gap 20
 *     a           x         x              x
 *     sessions    10 to 30  |              60 to 60       30 + 20 < 60: two sessions, in whichever order the records come
 *
 * Emits pairs `[key, { start, end, value }]`, where `start` and `end` are the event times of the first and last record, and `value` is
 * all values in the order of event time or, with an `aggregator`, its result; `combine` of that must be commutative, unless it is
 * `ordered`. A record is late if it is older than the watermark of its partition just before it, by more than `allowedLateness`: it is in
 * no session.
 *
 * Which records a session has depends on the records of each partition and nothing else, as for event-time windows.
 *
 * Source: `session_window` of Structured Streaming; Flink's event-time session windows.
 *
 * @throws {InvalidOptionError} if an option is out of its range
 * @throws {MissingEventTimeError} (as a notification) if the records have no event time
 * @throws {InvalidRecordError} (as a notification) if a record is not a pair
 * @throws {MissingIdError} (as a notification) if a checkpoint is configured and `id` is missing
 *
 * @example
 * ```ts
 * import { eventSessionWindow, eventTime, foreachBatch, fromBatches, mapRecords } from 'dstream';
 *
 * const clicks = [
 *   { at: 10, user: 'ann', page: '/' },
 *   { at: 60, user: 'ann', page: '/' },
 *   { at: 30, user: 'ann', page: '/cart' },
 * ];
 * fromBatches([clicks], { interval: 10, partitions: 1 })
 *   .pipe(
 *     eventTime({ timestamp: (click) => click.at, outOfOrderness: 50 }),
 *     mapRecords((click) => [click.user, click.page]),
 *     eventSessionWindow({ gap: 20 }),
 *     foreachBatch((visits) => {
 *       for (const [user, { start, end, value }] of visits) console.log(user, start, end, value);
 *     }),
 *   )
 *   .subscribe();
 * // => ann 10 30 [ '/', '/cart' ]
 * // => ann 60 60 [ '/' ]
 * ```
 *
 * @see {@link sessionWindow}
 * @see {@link eventTime}
 * @see {@link aggregateByKeyAndEventWindow}
 */
export function eventSessionWindow<K extends Key, V, E extends SessionEmit = 'final'>(
  options: EventSessionWindowOptions<Pair<K, V>, E> &
    QueryableOption<K, readonly Session<readonly V[]>[]> & { readonly aggregator?: undefined },
): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, EmittedSession<readonly V[], E>>>>;
/** Gathers the records of each key into sessions by event time. */
export function eventSessionWindow<K extends Key, V, P, R, E extends SessionEmit = 'final'>(
  options: EventSessionWindowOptions<Pair<K, V>, E> &
    QueryableOption<K, readonly Session<R>[]> & { readonly aggregator: Aggregator<V, P, R> },
): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, EmittedSession<R, E>>>>;
export function eventSessionWindow<K extends Key, V>(
  options: EventSessionWindowOptions<Pair<K, V>, SessionEmit> & {
    readonly aggregator?: Aggregator<V, unknown, unknown> | undefined;
    readonly queryable?: Shown | undefined;
  },
): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, Session<unknown>>>> {
  checkOptions('eventSessionWindow', options, optionChecks);
  const { emit = 'final', aggregator = valueList as Aggregator<V, unknown, unknown> } = options;
  if (!aggregator.ordered) {
    const { add: _, ...copying } = aggregator;
    // What has been emitted must not change: `add` may change a partial in place.
    return sessions(options, emit === 'final' ? aggregator : copying, ([, value]) => value);
  }
  // A session that grows has one list: to put lists together as they are would make them ever deeper.
  const inOrder: Aggregator<TimedInput<V>, TimedInputs<V>, unknown> = {
    ...inEventOrder(aggregator),
    combine: (older, newer) => [...(older as TimedInput<V>[]), ...(newer as TimedInput<V>[])],
  };
  return sessions<K, V, TimedInput<V>, TimedInputs<V>>(options, inOrder, ([, value], { time, origin, sequence }) => [
    time,
    origin.rank,
    sequence,
    value,
  ]);
}

/** As a checkpoint has them, by key. */
type Saved<P> = readonly OpenEventSession<P>[];

function sessions<K extends Key, V, In, P>(
  options: EventSessionWindowOptions<Pair<K, V>, SessionEmit> & { readonly queryable?: Shown | undefined },
  aggregator: Aggregator<In, P, unknown>,
  inputOf: (record: Pair<K, V>, clock: EventClock) => In,
): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, Session<unknown>>>> {
  const operator = 'eventSessionWindow';
  const { gap, allowedLateness = 0, emit = 'final', late, id } = options;
  const queryable = shownIn<K, Saved<P>, readonly Session<unknown>[]>(options.queryable, (open) =>
    open.map(({ start, end, partial }) => ({ start, end, value: aggregator.lower(partial) })),
  );
  const signature = `gap=${gap} ${aggregatorSignature(aggregator)}`;
  const side = late && SideOutput.feedOf(late);
  return afterSteps<Pair<K, V>, Pair<K, Session<unknown>>>({ operator, id }, (visitRecords) => {
    const windows = perBatchWithState<unknown, Pair<K, Session<unknown>>, K, Saved<P>>(
      { operator, id, signature, queryable },
      (state) => {
        const open = new EventSessions<K, In, P>(gap, allowedLateness, aggregator);
        for (const [key, saved] of state.entries()) open.restore(key, saved);
        const touched = new Set<K>();
        const changes = emit === 'final' ? undefined : new SessionChanges<K, P>();

        return (batch) => {
          const eventTime = eventTimeOf(batch);
          if (!eventTime) throw new MissingEventTimeError(operator);
          const { clock, before } = eventTime;
          const lates: LateRecord<Pair<K, V>>[] = [];
          visitRecords(batch, (record) => {
            if (!Array.isArray(record) || record.length < 2) checkPair(operator, record);
            const [key] = record;
            if (typeof key !== 'string' && typeof key !== 'number') checkPair(operator, record);
            if (clock.time + allowedLateness < clock.floor) {
              lates.push(lateRecord(record, clock, before));
              return;
            }
            checkOwnKey(operator, key);
            changes?.before(key, open.of(key));
            const session = open.add(key, inputOf(record, clock), clock.time);
            changes?.changed(key, session);
            touched.add(key);
          });
          addEventTimeCounts(batch.context, { late: lates.length });
          side?.next(batch.withRecords(lates));

          const closed = [...open.close(eventTime.after)].sort(byEndStartAndKey);
          for (const [key] of closed) touched.add(key);
          // Without an id there is no checkpoint that could read it.
          if (id !== undefined || queryable) saveTouched(state, open, touched);
          touched.clear();
          const results = closed.map(
            ([key, { start, end, partial }]): Pair<K, Session<unknown> | SessionUpdate<unknown>> => {
              const value = aggregator.lower(partial);
              return [key, changes ? { start, end, value, final: true } : { start, end, value }];
            },
          );
          const updates = changes?.take((key) => open.of(key), closed) ?? [];
          const [gone, changed] = [updates.filter(({ session }) => !session), updates.filter(({ session }) => session)];
          const updateOf = ({
            key,
            start,
            end,
            session,
          }: (typeof updates)[number]): Pair<K, SessionUpdate<unknown>> => {
            return [key, { start, end, value: session && aggregator.lower(session.partial), final: false }];
          };
          const all = [...gone.map(updateOf), ...results, ...changed.map(updateOf)];
          return eventResults(batch.context, eventTime, all, () => all.map(([, { end }]) => end));
        };
      },
    );
    return feeding(operator, lateFeeds({ late }), windows);
  });
}

type Closed<K extends Key> = readonly [key: K, session: OpenEventSession<unknown>];

/** The order is the same after a restart, whatever the order in which a checkpoint returns the keys. */
function byEndStartAndKey<K extends Key>([a, first]: Closed<K>, [b, second]: Closed<K>): number {
  if (first.end !== second.end) return first.end - second.end;
  if (first.start !== second.start) return first.start - second.start;
  const [left, right] = [`${a}`, `${b}`];
  if (left !== right) return left < right ? -1 : 1;
  return typeof a < typeof b ? -1 : 1;
}
