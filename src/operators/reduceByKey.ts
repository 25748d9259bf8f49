import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { Key, Pair } from '../batch/key.js';
import type { TupleHint } from '../batch/pairOf.js';
import { reducePairs } from '../collections/pairs.js';
import { checkFunction } from '../options/checks.js';
import { perBatch } from './base/perBatch.js';
import { afterSteps } from './fusion/perRecord.js';

/**
 * Reduces the values of each key within a batch. Emits one pair per key, in the order in which the keys first appear.
 *
 * `reduce` must be associative. The result is one partition without an offset range; an empty batch stays empty.
 *
 * Source: Spark's `reduceByKey`.
 *
 * @throws {InvalidOptionError} if `reduce` is not a function
 * @throws {InvalidRecordError} (as a notification) if a record is not a pair, or its key is an object
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches, reduceByKey } from 'dstream';
 *
 * fromBatches([[['a', 1], ['b', 5], ['a', 2]]], { interval: 10 })
 *   .pipe(
 *     reduceByKey((a, b) => a + b),
 *     foreachBatch((sums) => console.log(sums)),
 *   )
 *   .subscribe();
 * // => [ [ 'a', 3 ], [ 'b', 5 ] ]
 * ```
 *
 * @see {@link reduceByKeyAndWindow}
 * @see {@link aggregateByKey}
 * @see {@link groupByKey}
 * @see {@link updateStateByKey}
 */
export function reduceByKey<K extends Key, V>(
  reduce: (a: V, b: V) => V | TupleHint,
): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, V>>> {
  checkFunction('reduceByKey', 'reduce', reduce);
  return afterSteps<Pair<K, V>, Pair<K, V>>({ operator: 'reduceByKey' }, (visitRecords) =>
    perBatch('reduceByKey', () => (batch) => {
      const reduced = reducePairs<K, V>('reduceByKey', reduce as (a: V, b: V) => V, (add) => visitRecords(batch, add));
      return batch.withRecords([...reduced]);
    }),
  );
}
