import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import { slidingPanes } from './slidingPanes.js';
import type { WindowOptions } from './windowOptions.js';

/**
 * Gathers the records of the last `window` ms into one batch, every `slide` ms.
 *
 * The first result comes after one slide, of a window that is not full yet. With a slide longer than the window, the
 * batches between two windows are left out. Takes batches of any records; gives one partition.
 *
 * Source: Spark's `window`.
 *
 * @throws {InvalidOptionError} when `window` or `slide` is no positive integer; as a notification at the first batch when
 * it is no multiple of the batch interval
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches, window } from 'dstream';
 *
 * fromBatches([['a'], ['b'], ['c'], ['d']], { interval: 10 })
 *   .pipe(
 *     window({ window: 30, slide: 10 }),
 *     foreachBatch((records) => console.log(records.join(' '))),
 *   )
 *   .subscribe();
 * // => a
 * // => a b
 * // => a b c
 * // => b c d
 * ```
 */
export function window<T>(options: WindowOptions): OperatorFunction<Batch<T>, Batch<T>> {
  return slidingPanes<T, readonly T[], T>('window', options, () => {
    const panes: (readonly [time: number, records: readonly T[]])[] = [];
    return {
      pane: (batch) => (batch.size > 0 ? batch.records : undefined),
      restore: (restored) => panes.push(...restored),
      slide(evicted, added, batch) {
        const kept = panes.findIndex(([time]) => time > evicted);
        panes.splice(0, kept === -1 ? panes.length : kept);
        panes.push(...added);
        return batch.withRecords(panes.flatMap(([, records]) => records));
      },
    };
  });
}
