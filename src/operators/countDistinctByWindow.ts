import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { Key } from '../batch/key.js';
import { Fifo } from '../collections/fifo.js';
import { checkPair } from '../collections/pairs.js';
import { checkOptions } from '../options/checkOptions.js';
import { type QueryableOption, queryableChecks } from './base/queryableOption.js';
import { slidingPanes, type TimedPane } from './base/slidingPanes.js';
import { type WindowOptions, windowChecks } from './windowOptions.js';

/**
 * Counts the distinct records of the last `window` ms, every `slide` ms. Emits one record, 0 for an empty window. The count
 * is exact.
 *
 * Takes batches of keys, such as user ids (extract them with `mapRecords`). The result is one partition. Every id in the
 * window is kept once, and once more for each batch that contains it. A slide costs the batches that enter and leave, not
 * those in the window.
 *
 * Source: SQL's `count(distinct ...)`; Spark Streaming has no counterpart.
 *
 * @throws {InvalidOptionError} if `window` or `slide` is not a positive integer; as a notification, at the first batch, if
 * one is not a multiple of the batch interval
 * @throws {InvalidRecordError} (as a notification) if a record is an object
 *
 * @example
 * ```ts
 * import { countDistinctByWindow, foreachBatch, fromBatches } from 'dstream';
 *
 * fromBatches([['ann', 'bob', 'ann'], ['ann'], ['eve'], []], { interval: 10 })
 *   .pipe(
 *     countDistinctByWindow({ window: 20 }),
 *     foreachBatch((users) => console.log(users)),
 *   )
 *   .subscribe();
 * // => [ 2 ]
 * // => [ 2 ]
 * // => [ 2 ]
 * // => [ 1 ]
 * ```
 *
 * @see {@link countByWindow}
 * @see {@link countByValueAndWindow}
 * @see {@link deduplicate}
 */
export function countDistinctByWindow<K extends Key>(
  options: WindowOptions & QueryableOption<null, number>,
): OperatorFunction<Batch<K>, Batch<number>> {
  checkOptions('countDistinctByWindow', options, { ...windowChecks, ...queryableChecks });
  return slidingPanes<K, readonly K[], number>({
    operator: 'countDistinctByWindow',
    options,
    queryable: options.queryable,
    shows: 'value',
    create() {
      const panes = new Fifo<TimedPane<readonly K[]>>();
      // The number of panes in the window that contain each record.
      const counts = new Map<K, number>();
      const enter = (added: readonly TimedPane<readonly K[]>[]): void => {
        for (const pane of added) {
          panes.push(pane);
          for (const record of pane[1]) counts.set(record, (counts.get(record) ?? 0) + 1);
        }
      };
      return {
        pane(batch) {
          const distinct = distinctOf(batch);
          return distinct.length > 0 ? distinct : undefined;
        },
        restore: enter,
        slide(evicted, added) {
          // First what enters, so that a record that enters and leaves is not deleted and added again.
          enter(added);
          for (const [, left] of panes.takeWhile(([time]) => time <= evicted)) {
            for (const record of left) {
              const count = counts.get(record) ?? 0;
              if (count > 1) counts.set(record, count - 1);
              else counts.delete(record);
            }
          }
          return [counts.size];
        },
      };
    },
  });
}

function distinctOf<K extends Key>(batch: Batch<K>): readonly K[] {
  const distinct = new Set<K>();
  for (const { records } of batch.partitions) {
    for (const record of records) {
      const plain = typeof record === 'string' || typeof record === 'number';
      if (!plain && !distinct.has(record)) checkPair('countDistinctByWindow', [record, 1]);
      distinct.add(record);
    }
  }
  return [...distinct];
}
