import { type Batch, foreachBatch, mapRecords, type Pair, type RecordView, reduceByKey } from 'dstream';
import type { Observable } from 'rxjs';
import { costed } from '../threads/costed.js';

/** The records by their keys. */
export const toPair = (view: RecordView): Pair<string, number> => [view.keyText() ?? '', 1];

/**
 * Counts by key, after a map of `turns` turns of a loop for each record, and adds up what was counted. A warm-up does without the turns, and may be
 * long: `isWarm` says when it is over.
 */
export function counting(
  turns: number,
  isWarm = () => true,
): {
  readonly records: () => number;
  readonly work: (pairs: Observable<Batch<Pair<string, number>>>) => Observable<unknown>;
} {
  let records = 0;
  const [costly, cheap] = [costed(turns), costed(0)];
  return {
    records: () => records,
    work: (pairs) => {
      // What the map returns is below 2 ** 31.
      const mapped = mapRecords(
        ([key, one]: Pair<string, number>): Pair<string, number> => [
          key,
          (isWarm() ? costly : cheap)(key) === 2 ** 31 ? 0 : one,
        ],
      );
      return (turns > 0 ? pairs.pipe(mapped) : pairs).pipe(
        reduceByKey((a, b) => a + b),
        foreachBatch((totals) => {
          for (const [, total] of totals) records += total;
        }),
      );
    },
  };
}
