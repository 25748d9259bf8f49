import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { Key, Pair } from '../batch/key.js';
import { checkOwnKey } from '../collections/ownKeys.js';
import { checkPair } from '../collections/pairs.js';
import { perBatch } from './base/perBatch.js';
import { afterSteps } from './fusion/perRecord.js';

/**
 * Counts how often each value occurs within a batch. Emits one pair `[value, count]` per value, in the order of first
 * appearance.
 *
 * The records themselves are the keys: strings, numbers, bigints, booleans or null. An empty batch stays empty.
 *
 * Source: Spark's `countByValue`.
 *
 * @throws {InvalidRecordError} (as a notification) if a record is an object
 *
 * @example
 * ```ts
 * import { countByValue, foreachBatch, fromBatches } from 'dstream';
 *
 * fromBatches([['a', 'b', 'a']], { interval: 10 })
 *   .pipe(
 *     countByValue(),
 *     foreachBatch((counts) => console.log(counts)),
 *   )
 *   .subscribe();
 * // => [ [ 'a', 2 ], [ 'b', 1 ] ]
 * ```
 *
 * @see {@link countByValueAndWindow}
 * @see {@link countBatch}
 * @see {@link reduceByKey}
 */
export function countByValue<K extends Key>(): OperatorFunction<Batch<K>, Batch<Pair<K, number>>> {
  return afterSteps<K, Pair<K, number>>({ operator: 'countByValue' }, (visitRecords) =>
    perBatch('countByValue', () => (batch) => {
      const counts = new Map<K, number>();
      visitRecords(batch, (record) => {
        const count = counts.get(record);
        if (count === undefined) {
          checkPair('countByValue', [record, 1]);
          checkOwnKey('countByValue', record);
        }
        counts.set(record, (count ?? 0) + 1);
      });
      return batch.withRecords([...counts]);
    }),
  );
}
