import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import { checkOptions } from '../options/checkOptions.js';
import type { Aggregator } from '../windows/aggregator.js';
import { checkAggregator } from '../windows/checkAggregator.js';
import { inverseOf } from './aggregatorOptions.js';
import { eventWindows } from './base/eventWindows.js';
import { type QueryableOption, queryableChecks } from './base/queryableOption.js';
import {
  type EmittedWindow,
  type EventWindowOptions,
  eventWindowChecks,
  type WindowEmit,
  type WindowResult,
} from './eventWindowOptions.js';

/**
 * Aggregates the records over windows of event time. A window comes once, when the watermark reaches its end: with the batch in
 * which it does. Windows come in the order of their ends; one without a record does not come.
 *
 * Which records a window counts depends on the records of each partition and nothing else: not on how batches are cut, how fast
 * partitions are read, or restarts. Those that come too late for every window go to `late`.
 *
 * Records are combined in any order: `combine` of the aggregator must be commutative, unless it is `ordered`.
 *
 * Source: Structured Streaming's `groupBy(window(...))` in append mode; Flink's event-time windows.
 *
 * @throws {InvalidOptionError} if an option is out of its range
 * @throws {MissingEventTimeError} (as a notification) if the records have no event time
 * @throws {MissingIdError} (as a notification) if a checkpoint is configured and `id` is missing
 *
 * @example
 * ```ts
 * import { aggregateByEventWindow, eventTime, foreachBatch, fromBatches } from 'dstream';
 * import { count } from 'dstream/aggregators';
 *
 * fromBatches([[1, 4, 12], [8, 31]], { interval: 10 })
 *   .pipe(
 *     eventTime({ timestamp: (at) => at, outOfOrderness: 5 }),
 *     aggregateByEventWindow(count(), { window: 10 }),
 *     foreachBatch((windows) => console.log(windows)),
 *   )
 *   .subscribe();
 * // => []
 * // => [
 * // =>   { start: 0, end: 10, value: 3 },
 * // =>   { start: 10, end: 20, value: 1 },
 * // =>   { start: 30, end: 40, value: 1 }
 * // => ]
 * ```
 *
 * @see {@link eventTime}
 * @see {@link aggregateByKeyAndEventWindow}
 * @see {@link aggregateByWindow}
 */
export function aggregateByEventWindow<In, P, Out, E extends WindowEmit = 'final'>(
  aggregator: Aggregator<In, P, Out>,
  options: EventWindowOptions<In, E> & QueryableOption<null, readonly WindowResult<Out>[]>,
): OperatorFunction<Batch<In>, Batch<EmittedWindow<Out, E>>> {
  const operator = 'aggregateByEventWindow';
  checkAggregator(operator, 'aggregator', aggregator);
  checkOptions(operator, options, { ...eventWindowChecks, ...queryableChecks });
  const invertible = inverseOf(aggregator, undefined);
  return eventWindows<In, null, In, P, Out, EmittedWindow<Out, E>>({
    operator,
    options,
    queryable: options.queryable,
    aggregator,
    keyed: { inverse: invertible?.invert, exact: invertible?.exact ?? false },
    keyOf: () => null,
    inputOf: (record) => record,
    resultOf: (_, result) => result as EmittedWindow<Out, E>,
  });
}
