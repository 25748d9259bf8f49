import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { Key, Pair } from '../batch/key.js';
import type { Aggregator } from '../windows/aggregator.js';
import { checkAggregator } from '../windows/checkAggregator.js';
import { partialsByKey } from '../windows/partialsByKey.js';
import { perBatch } from './base/perBatch.js';
import { afterSteps } from './fusion/perRecord.js';

/**
 * Aggregates the values of each key within a batch. Emits one pair per key, in the order in which the keys first appear.
 *
 * Takes batches of pairs. The result is one partition without an offset range; an empty batch stays empty.
 *
 * Source: Spark's `combineByKey`, with `lift` for its `createCombiner`, `add` for `mergeValue` and `combine` for
 * `mergeCombiners`.
 *
 * @throws {InvalidOptionError} if the aggregator lacks `lift`, `combine` or `lower`
 * @throws {InvalidRecordError} (as a notification) if a record is not a pair, or its key is an object
 *
 * @example
 * ```ts
 * import { aggregateByKey, foreachBatch, fromBatches } from 'dstream';
 * import { mean } from 'dstream/aggregators';
 *
 * fromBatches([[['a', 1], ['b', 5], ['a', 2]]], { interval: 10 })
 *   .pipe(
 *     aggregateByKey(mean()),
 *     foreachBatch((means) => console.log(means)),
 *   )
 *   .subscribe();
 * // => [ [ 'a', 1.5 ], [ 'b', 5 ] ]
 * ```
 *
 * @see {@link aggregateByKeyAndWindow}
 * @see {@link reduceByKey}
 * @see {@link groupByKey}
 */
export function aggregateByKey<K extends Key, In, P, Out>(
  aggregator: Aggregator<In, P, Out>,
): OperatorFunction<Batch<Pair<K, In>>, Batch<Pair<K, Out>>> {
  checkAggregator('aggregateByKey', 'aggregator', aggregator);
  const { lower } = aggregator;
  return afterSteps<Pair<K, In>, Pair<K, Out>>({ operator: 'aggregateByKey' }, (visitRecords) =>
    perBatch('aggregateByKey', () => (batch) => {
      const results: Pair<K, Out>[] = [];
      const partials = partialsByKey<K, In, P>('aggregateByKey', aggregator, (add) => visitRecords(batch, add));
      for (const [key, partial] of partials) results.push([key, lower(partial)]);
      return batch.withRecords(results);
    }),
  );
}
