import { type OperatorFunction, pipe } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { Key, Pair } from '../batch/key.js';
import { checkOptions } from '../options/checkOptions.js';
import { type QueryableOption, queryableChecks } from './base/queryableOption.js';
import { mapRecords } from './mapRecords.js';
import { reduceByKeyAndWindow } from './reduceByKeyAndWindow.js';
import { type WindowOptions, windowChecks } from './windowOptions.js';

/**
 * Counts how often each value occurred in the last `window` ms, every `slide` ms. Emits one pair `[value, count]` for each
 * value in the window.
 *
 * Source: Spark's `countByValueAndWindow`.
 *
 * @throws {InvalidOptionError} if `window` or `slide` is not a positive integer; as a notification, at the first batch, if
 * one is not a multiple of the batch interval
 * @throws {InvalidRecordError} (as a notification) if a record is an object
 *
 * @example
 * ```ts
 * import { countByValueAndWindow, foreachBatch, fromBatches } from 'dstream';
 *
 * fromBatches([['a', 'b'], ['a'], []], { interval: 10 })
 *   .pipe(
 *     countByValueAndWindow({ window: 20 }),
 *     foreachBatch((counts) => console.log(counts)),
 *   )
 *   .subscribe();
 * // => [ [ 'a', 1 ], [ 'b', 1 ] ]
 * // => [ [ 'a', 2 ], [ 'b', 1 ] ]
 * // => [ [ 'a', 1 ] ]
 * ```
 *
 * @see {@link countByValue}
 * @see {@link countDistinctByWindow}
 * @see {@link reduceByKeyAndWindow}
 */
export function countByValueAndWindow<K extends Key>(
  options: WindowOptions & QueryableOption<K, number>,
): OperatorFunction<Batch<K>, Batch<Pair<K, number>>> {
  checkOptions('countByValueAndWindow', options, { ...windowChecks, ...queryableChecks });
  const counts = { inverse: (a: number, b: number) => a - b, ...options };
  return pipe(
    mapRecords((value: K): Pair<K, number> => [value, 1]),
    reduceByKeyAndWindow((a, b) => a + b, counts),
  );
}
