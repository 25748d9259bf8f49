import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { Key, Pair } from '../batch/key.js';
import type { KeyedState } from '../batch/keyedState.js';
import { checkPositiveInteger } from '../options/checks.js';
import { IdleKeys } from '../state/idleKeys.js';
import type { Aggregator } from '../windows/aggregator.js';
import { aggregatorSignature } from '../windows/aggregatorSignature.js';
import { partialsByKey } from '../windows/partialsByKey.js';
import { checkAggregator } from './aggregatorOptions.js';
import { perBatchWithState } from './base/perBatchWithState.js';

export interface SessionWindowOptions {
  /** Records of a key whose batch times are at most this far apart belong to one session, ms, a positive integer. */
  readonly gap: number;
  /**
   * Ends a session that has lasted this long, ms from its first batch, although records go on.
   * @default Infinity
   */
  readonly maxDuration?: number;
  /** Name of the state, stable across deployments; required with a checkpoint. */
  readonly id?: string;
}

/** A session that is over. Times are batch times, ms. */
export interface Session<R> {
  /** Time of the first batch that had records of it. */
  readonly start: number;
  /** Time of the last one. */
  readonly end: number;
  readonly value: R;
}

/** A session that goes on, as a checkpoint keeps it. */
interface OpenSession<P> {
  readonly start: number;
  readonly end: number;
  readonly partial: P;
}

/**
 * Gathers the records of each key into sessions: a session ends when its key has had no records for `gap` ms of batch
 * time. It comes out once, with the first batch that shows its end; sessions that end with one batch come in the order of
 * their starts, then of their keys.
 *
 *     time      10   20   30   40   50   60   70        gap 20
 *     a         x         x                   x
 *     sessions            10 to 30  |out            the next batch that could go on with it would be that of time 50
 *
 * Takes batches of pairs; gives pairs `[key, { start, end, value }]`, in one partition, where `value` is all values of the
 * session in their order, or with an `aggregator` what it makes of them. Sessions that are open when the stream ends stay
 * in the checkpoint.
 *
 * A batch costs its records and the sessions that end. A checkpoint saves each session that a batch touches as a whole:
 * long ones want an aggregator, which keeps them small.
 *
 * Source: session windows of the Dataflow model (Akidau et al., PVLDB 8(12), 2015), in batch time; in Spark
 * `session_window` of Structured Streaming.
 *
 * @throws {InvalidOptionError} when `gap` or `maxDuration` is no positive integer, or the aggregator is none
 * @throws {InvalidRecordError} (as a notification) when a record is no pair, or its key is an object
 * @throws {IncompatibleStateError} (as a notification) when the checkpoint has sessions of another aggregator
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
 */
export function sessionWindow<K extends Key, V>(
  options: SessionWindowOptions & { readonly aggregator?: undefined },
): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, Session<readonly V[]>>>>;
export function sessionWindow<K extends Key, V, P, R>(
  options: SessionWindowOptions & { readonly aggregator: Aggregator<V, P, R> },
): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, Session<R>>>>;
export function sessionWindow<K extends Key, V>(
  options: SessionWindowOptions & { readonly aggregator?: Aggregator<V, unknown, unknown> | undefined },
): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, Session<unknown>>>> {
  const { gap, maxDuration = Infinity, id, aggregator = list as Aggregator<V, unknown, unknown> } = options;
  checkPositiveInteger('sessionWindow', 'gap', gap);
  if (maxDuration !== Infinity) checkPositiveInteger('sessionWindow', 'maxDuration', maxDuration);
  checkAggregator('sessionWindow', aggregator);
  // Not the gap: with another one an open session is as good as before.
  const description = { operator: 'sessionWindow', id, signature: aggregatorSignature(aggregator) };
  return perBatchWithState<Pair<K, V>, Pair<K, Session<unknown>>, K, OpenSession<unknown>>(description, (open) => {
    const idle = idleSince(open);
    return (batch) => {
      const { time } = batch.context;
      const ended: Ended<K>[] = [];
      const partials = partialsByKey<K, V, unknown>('sessionWindow', aggregator, (add) => {
        for (const { records } of batch.partitions) for (const record of records) add(record);
      });
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
      // Nothing came in this batch: whatever comes later is more than the gap away.
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

/** All values in their order, by batch: so that a session grows at the cost of its batches, not of its values. */
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

/** The same order after a restart as without one, whatever the order in which a checkpoint gives the keys. */
function byStartAndKey<K extends Key>([a, first]: Ended<K>, [b, second]: Ended<K>): number {
  if (first.start !== second.start) return first.start - second.start;
  const [left, right] = [`${a}`, `${b}`];
  if (left !== right) return left < right ? -1 : 1;
  return typeof a < typeof b ? -1 : 1;
}
