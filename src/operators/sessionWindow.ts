import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { Key, Pair } from '../batch/key.js';
import type { KeyedState } from '../batch/keyedState.js';
import { checkOptions, type OptionChecks, required } from '../options/checkOptions.js';
import { checkPositiveInteger, checkText, orInfinity } from '../options/checks.js';
import { IdleKeys } from '../state/idleKeys.js';
import type { Aggregator } from '../windows/aggregator.js';
import { aggregatorSignature } from '../windows/aggregatorSignature.js';
import { checkAggregator } from '../windows/checkAggregator.js';
import { partialsByKey } from '../windows/partialsByKey.js';
import { perBatchWithState } from './base/perBatchWithState.js';
import { type QueryableOption, queryableChecks, type Shown, shownIn } from './base/queryableOption.js';
import { visitEach } from './base/visitEach.js';

/** Options of `sessionWindow`. */
export interface SessionWindowOptions {
  /** Longest time between two batches with records of one session, in ms of batch time, a positive integer. */
  readonly gap: number;
  /**
   * Longest duration of a session, in ms from its first batch: then it ends although records still arrive.
   * @default Infinity
   */
  readonly maxDuration?: number | undefined;
  /** Name of the state, the same across deployments; required with a checkpoint. */
  readonly id?: string | undefined;
}

/** A session that has ended. Times are batch times, in ms. */
export interface Session<R> {
  /** Time of the first batch with records of the session, in ms. */
  readonly start: number;
  /** Time of the last batch with records of the session, in ms. */
  readonly end: number;
  /** All values of the session in their order, or the result of the aggregator. */
  readonly value: R;
}

/** A session that has not ended, as a checkpoint saves it. */
interface OpenSession<P> {
  readonly start: number;
  readonly end: number;
  readonly partial: P;
}

const optionChecks: OptionChecks<
  SessionWindowOptions & QueryableOption<never, never> & { readonly aggregator?: unknown }
> = {
  gap: required(checkPositiveInteger),
  maxDuration: orInfinity(checkPositiveInteger),
  aggregator: checkAggregator,
  id: checkText,
  ...queryableChecks,
};

/**
 * Gathers the records of each key into sessions. A session ends when its key has had no records for `gap` ms of batch time.
 * It is emitted once, with the first batch that shows its end; sessions that end with the same batch are in the order of
 * their starts, then of their keys.
 *
 *     time      10   20   30   40   50   60   70        gap 20
 *     a         x         x                   x
 *     sessions            10 to 30  |out            the batch of time 50 would have been the next that could continue it
 *
 * Takes batches of pairs. Emits pairs `[key, { start, end, value }]`, in one partition, where `value` is all values of the
 * session in their order or, with an `aggregator`, its result. Sessions that are open when the stream ends stay in the
 * checkpoint.
 *
 * A batch costs its records and the sessions that end. A checkpoint saves each session that a batch touches as a whole: for
 * long sessions use an aggregator, which keeps them small.
 *
 * Source: session windows of the Dataflow model (Akidau et al., PVLDB 8(12), 2015), in batch time; in Spark,
 * `session_window` of Structured Streaming.
 *
 * @throws {InvalidOptionError} if `gap` or `maxDuration` is not a positive integer, or the aggregator lacks a part
 * @throws {InvalidRecordError} (as a notification) if a record is not a pair, or its key is an object
 * @throws {IncompatibleStateError} (as a notification) if the checkpoint contains sessions of another aggregator
 * @throws {MissingIdError} (as a notification) if a checkpoint is configured and `id` is missing
 *
 * @example
 * ```ts
 * import { type Pair, sessionWindow } from 'dstream';
 * import { runBatches } from 'dstream/testing';
 *
 * runBatches(({ batches }) => {
 *   const clicks = batches<Pair<string, string>>('-ab--c---|', {
 *     a: [['ann', '/'], ['bob', '/']],
 *     b: [['ann', '/cart']],
 *     c: [['eve', '/']],
 *   });
 *   clicks.pipe(sessionWindow({ gap: 3 })).subscribe(({ records, context }) => {
 *     for (const [user, { start, end, value }] of records) console.log(context.time, user, start, end, value);
 *   });
 * });
 * // => 5 ann 1 2 [ '/', '/cart' ]
 * // => 5 bob 1 1 [ '/' ]
 * ```
 *
 * @see {@link groupByKeyAndWindow}
 * @see {@link mapWithState}
 * @see {@link aggregateByKeyAndWindow}
 */
export function sessionWindow<K extends Key, V>(
  options: SessionWindowOptions & QueryableOption<K, Session<readonly V[]>> & { readonly aggregator?: undefined },
): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, Session<readonly V[]>>>>;
/** Gathers the records of each key into sessions. */
export function sessionWindow<K extends Key, V, P, R>(
  options: SessionWindowOptions & QueryableOption<K, Session<R>> & { readonly aggregator: Aggregator<V, P, R> },
): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, Session<R>>>>;
export function sessionWindow<K extends Key, V>(
  options: SessionWindowOptions & {
    readonly aggregator?: Aggregator<V, unknown, unknown> | undefined;
    readonly queryable?: Shown | undefined;
  },
): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, Session<unknown>>>> {
  checkOptions('sessionWindow', options, optionChecks);
  const { gap, maxDuration = Infinity, id, queryable, aggregator = list as Aggregator<V, unknown, unknown> } = options;
  // Without the gap: open sessions stay valid when it changes.
  const shown = shownIn<K, OpenSession<unknown>, Session<unknown>>(queryable, ({ start, end, partial }) => {
    return { start, end, value: aggregator.lower(partial) };
  });
  const signature = aggregatorSignature(aggregator);
  const description = { operator: 'sessionWindow', id, signature, queryable: shown };
  return perBatchWithState<Pair<K, V>, Pair<K, Session<unknown>>, K, OpenSession<unknown>>(description, (open) => {
    const idle = idleSince(open);
    return (batch) => {
      const { time } = batch.context;
      const ended: Ended<K>[] = [];
      const partials = partialsByKey<K, V, unknown>('sessionWindow', aggregator, (add) =>
        visitEach(batch, { operator: 'sessionWindow', id }, add),
      );
      for (const [key, partial] of partials) {
        let before = open.get(key);
        if (before && time - before.end > gap) {
          ended.push([key, before]);
          before = undefined;
        }
        const start = before?.start ?? time;
        const session = { start, end: time, partial: before ? aggregator.combine(before.partial, partial) : partial };
        if (time - start >= maxDuration) {
          ended.push([key, session]);
          open.delete(key);
        } else {
          open.set(key, session);
          idle.touch(key, time);
        }
      }
      // This batch had no records of the key, so any later one is more than the gap away.
      const isOver = (key: K) => (open.get(key)?.end ?? Infinity) <= time - gap;
      for (const key of idle.takeBefore(time - gap + 1, isOver)) {
        ended.push([key, open.get(key) as OpenSession<unknown>]);
        open.delete(key);
      }
      ended.sort(byStartAndKey);
      return batch.withRecords(
        ended.map(([key, { start, end, partial }]) => [key, { start, end, value: aggregator.lower(partial) }] as const),
      );
    };
  });
}

type Ended<K extends Key> = readonly [key: K, session: OpenSession<unknown>];

/** All values in their order, by batch, so that a session grows at the cost of its batches and not of its values. */
const list: Aggregator<unknown, unknown[][], unknown[]> = {
  name: 'list',
  identity: [],
  lift: (value) => [[value]],
  combine: (older, newer) => [...older, ...newer],
  lower: (batches) => batches.flat(),
  add: (batches, value) => {
    batches[0]?.push(value);
    return batches;
  },
};

function idleSince<K extends Key>(open: KeyedState<K, OpenSession<unknown>>): IdleKeys<K> {
  const idle = new IdleKeys<K>();
  const oldestFirst = [...open.entries()].sort(([, a], [, b]) => a.end - b.end);
  for (const [key, { end }] of oldestFirst) idle.touch(key, end);
  return idle;
}

/** The order is the same after a restart, whatever the order in which a checkpoint returns the keys. */
function byStartAndKey<K extends Key>([a, first]: Ended<K>, [b, second]: Ended<K>): number {
  if (first.start !== second.start) return first.start - second.start;
  const [left, right] = [`${a}`, `${b}`];
  if (left !== right) return left < right ? -1 : 1;
  return typeof a < typeof b ? -1 : 1;
}
