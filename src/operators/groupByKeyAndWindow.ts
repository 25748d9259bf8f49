import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import type { Key, Pair } from '../batch/key.js';
import { Fifo } from '../collections/fifo.js';
import { groupPairs } from '../collections/pairs.js';
import { checkOptions } from '../options/checkOptions.js';
import { type QueryableOption, queryableChecks } from './base/queryableOption.js';
import { slidingPanes, type TimedPane } from './base/slidingPanes.js';
import { type WindowOptions, windowChecks } from './windowOptions.js';

/**
 * Collects the values of each key over the last `window` ms, every `slide` ms. Emits one pair for each key in the window,
 * its values in the order of their arrival.
 *
 * A result costs the values in the window, because it contains them all; where a reduction is enough,
 * `reduceByKeyAndWindow` costs only what enters and leaves.
 *
 * Source: Spark's `groupByKeyAndWindow`.
 *
 * @throws {InvalidOptionError} if `window` or `slide` is not a positive integer; as a notification, at the first batch, if
 * one is not a multiple of the batch interval
 * @throws {InvalidRecordError} (as a notification) if a record is not a pair, or its key is an object
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches, groupByKeyAndWindow } from 'dstream';
 *
 * fromBatches([[['a', 1]], [['b', 2], ['a', 3]], []], { interval: 10 })
 *   .pipe(
 *     groupByKeyAndWindow({ window: 20 }),
 *     foreachBatch((groups) => console.log(JSON.stringify(groups))),
 *   )
 *   .subscribe();
 * // => [["a",[1]]]
 * // => [["a",[1,3]],["b",[2]]]
 * // => [["b",[2]],["a",[3]]]
 * ```
 *
 * @see {@link groupByKey}
 * @see {@link reduceByKeyAndWindow}
 * @see {@link window}
 */
export function groupByKeyAndWindow<K extends Key, V>(
  options: WindowOptions & QueryableOption<K, readonly V[]>,
): OperatorFunction<Batch<Pair<K, V>>, Batch<Pair<K, readonly V[]>>> {
  checkOptions('groupByKeyAndWindow', options, { ...windowChecks, ...queryableChecks });
  type Pane = readonly Pair<K, readonly V[]>[];
  return slidingPanes<Pair<K, V>, Pane, Pair<K, readonly V[]>>({
    operator: 'groupByKeyAndWindow',
    options,
    queryable: options.queryable,
    shows: 'pairs',
    create() {
      const panes = new Fifo<TimedPane<Pane>>();
      const enter = (added: readonly TimedPane<Pane>[]): void => {
        for (const pane of added) panes.push(pane);
      };
      return {
        pane(batch) {
          const groups = groupPairs('groupByKeyAndWindow', batch.partitions);
          return groups.size > 0 ? [...groups] : undefined;
        },
        restore: enter,
        slide(evicted, added) {
          panes.takeWhile(([time]) => time <= evicted);
          enter(added);
          const groups = new Map<K, V[]>();
          for (const [, pane] of panes) collect(groups, pane);
          return [...groups];
        },
      };
    },
  });
}

function collect<K, V>(groups: Map<K, V[]>, pane: readonly Pair<K, readonly V[]>[]): void {
  for (const [key, values] of pane) {
    const group = groups.get(key);
    if (group) for (const value of values) group.push(value);
    else groups.set(key, [...values]);
  }
}
