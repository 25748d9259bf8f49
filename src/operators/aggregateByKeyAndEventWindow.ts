import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { Key, Pair } from '../batch/key.js';
import { checkOptions } from '../options/checkOptions.js';
import type { Aggregator } from '../windows/aggregator.js';
import { checkAggregator } from '../windows/checkAggregator.js';
import { inverseOf } from './aggregatorOptions.js';
import { eventWindows } from './base/eventWindows.js';
import { keyedRecords } from './base/keyedRecords.js';
import { type QueryableOption, queryableChecks } from './base/queryableOption.js';
import {
  type EmittedWindow,
  type EventWindowOptions,
  eventWindowChecks,
  type WindowEmit,
  type WindowResult,
} from './eventWindowOptions.js';

/**
 * Aggregates the values of each key over windows of event time. A window comes once, when the watermark reaches its end: with the
 * batch in which it does. Windows come in the order of their ends; a key is in a window only if it has a record there.
 *
 * Which records a window counts depends on the records of each partition and nothing else: not on how batches are cut, how fast
 * partitions are read, or restarts. Those that come too late for every window go to `late`. With sliding windows a record may be late for
 * the first of its windows only: it counts for the others.
 *
 * The values of a key are combined in any order: `combine` of the aggregator must be commutative, unless it is `ordered`.
 *
 * A batch costs its records, and the keys of the panes that enter and leave windows; a pane is as long as the greatest common
 * divisor of window and slide. A partial is kept for each key of each pane.
 *
 * Source: Structured Streaming's `groupBy(window(...), key)` in append mode; Flink's event-time windows.
 *
 * @throws {InvalidOptionError} if an option is out of its range
 * @throws {MissingEventTimeError} (as a notification) if the records have no event time
 * @throws {InvalidRecordError} (as a notification) if a record is not a pair
 * @throws {MissingIdError} (as a notification) if a checkpoint is configured and `id` is missing
 *
 * @example
 * ```ts
 * import { aggregateByKeyAndEventWindow, eventTime, foreachBatch, fromBatches, mapRecords } from 'dstream';
 * import { mean } from 'dstream/aggregators';
 *
 * const flights = [
 *   { at: 5, origin: 'SFO', delay: 10 },
 *   { at: 7, origin: 'SFO', delay: 20 },
 *   { at: 12, origin: 'JFK', delay: 5 },
 * ];
 * fromBatches([flights], { interval: 10 })
 *   .pipe(
 *     eventTime({ timestamp: (flight) => flight.at, outOfOrderness: 0 }),
 *     mapRecords((flight) => [flight.origin, flight.delay]),
 *     aggregateByKeyAndEventWindow(mean(), { window: 10 }),
 *     foreachBatch((delays) => console.log(delays)),
 *   )
 *   .subscribe();
 * // => [
 * // =>   [ 'SFO', { start: 0, end: 10, value: 15 } ],
 * // =>   [ 'JFK', { start: 10, end: 20, value: 5 } ]
 * // => ]
 * ```
 *
 * @see {@link eventTime}
 * @see {@link aggregateByEventWindow}
 * @see {@link reduceByKeyAndEventWindow}
 * @see {@link aggregateByKeyAndWindow}
 */
export function aggregateByKeyAndEventWindow<K extends Key, In, P, Out, E extends WindowEmit = 'final'>(
  aggregator: Aggregator<In, P, Out>,
  options: EventWindowOptions<Pair<K, In>, E> & QueryableOption<K, readonly WindowResult<Out>[]>,
): OperatorFunction<Batch<Pair<K, In>>, Batch<Pair<K, EmittedWindow<Out, E>>>> {
  const operator = 'aggregateByKeyAndEventWindow';
  checkAggregator(operator, 'aggregator', aggregator);
  checkOptions(operator, options, { ...eventWindowChecks, ...queryableChecks });
  const invertible = inverseOf(aggregator, undefined);
  return eventWindows<Pair<K, In>, K, In, P, Out, Pair<K, EmittedWindow<Out, E>>>({
    ...keyedRecords<K, In, Out, E>(operator),
    options,
    queryable: options.queryable,
    aggregator,
    keyed: { inverse: invertible?.invert, exact: invertible?.exact ?? false },
  });
}
