import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { Key, Pair } from '../batch/key.js';
import { checkOptions } from '../options/checkOptions.js';
import type { Aggregator } from '../windows/aggregator.js';
import { eventWindows } from './base/eventWindows.js';
import { keyedRecords } from './base/keyedRecords.js';
import { type QueryableOption, queryableChecks } from './base/queryableOption.js';
import { valueList } from './base/valueList.js';
import {
  type EmittedWindow,
  type EventWindowOptions,
  eventWindowChecks,
  type WindowEmit,
  type WindowResult,
} from './eventWindowOptions.js';

/**
 * Collects the values of each key over windows of event time, in the order of their event times; of equal times in the order of their
 * partitions, and within a partition in its order. A window comes once, with the batch in which the watermark reaches its end.
 *
 * It keeps every value until its last window closes: where an aggregate is enough, `aggregateByKeyAndEventWindow` keeps that only.
 *
 * Source: Spark's `groupByKeyAndWindow`, by event time.
 *
 * @throws {InvalidOptionError} if an option is out of its range
 * @throws {MissingEventTimeError} (as a notification) if the records have no event time
 * @throws {InvalidRecordError} (as a notification) if a record is not a pair
 * @throws {MissingIdError} (as a notification) if a checkpoint is configured and `id` is missing
 *
 * @example
 * ```ts
 * import { eventTime, foreachBatch, fromBatches, groupByKeyAndEventWindow, mapRecords } from 'dstream';
 *
 * const visits = [
 *   { at: 6, user: 'ann', page: '/cart' },
 *   { at: 2, user: 'ann', page: '/' },
 * ];
 * fromBatches([visits], { interval: 10 })
 *   .pipe(
 *     eventTime({ timestamp: (visit) => visit.at, outOfOrderness: 5 }),
 *     mapRecords((visit) => [visit.user, visit.page]),
 *     groupByKeyAndEventWindow({ window: 10 }),
 *     foreachBatch((pages) => console.log(pages.map(([user, { value }]) => [user, value]))),
 *   )
 *   .subscribe();
 * // => [ [ 'ann', [ '/', '/cart' ] ] ]
 * ```
 *
 * @see {@link aggregateByKeyAndEventWindow}
 * @see {@link groupByKeyAndWindow}
 */
export function groupByKeyAndEventWindow<K extends Key, V, E extends WindowEmit = 'final'>(
  options: EventWindowOptions<Pair<K, V>, E> & QueryableOption<K, readonly WindowResult<readonly V[]>[]>,
): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, EmittedWindow<readonly V[], E>>>> {
  checkOptions('groupByKeyAndEventWindow', options, { ...eventWindowChecks, ...queryableChecks });
  return eventWindows<Pair<K, V>, K, V, readonly V[], readonly V[], Pair<K, EmittedWindow<readonly V[], E>>>({
    ...keyedRecords<K, V, readonly V[], E>('groupByKeyAndEventWindow'),
    options,
    queryable: options.queryable,
    aggregator: valueList as Aggregator<V, readonly V[], readonly V[]>,
  });
}
