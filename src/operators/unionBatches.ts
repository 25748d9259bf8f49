import type { Observable, OperatorFunction } from 'rxjs';
import { Batch } from '../batch/batch.js';
import { alignBatches, checkStream } from './base/alignBatches.js';
import { perBatch } from './base/perBatch.js';
import { UnitedTimes } from './base/unitedTimes.js';

/**
 * Combines the batches of the same time of several streams: all their partitions, in the order of the streams,
 * renumbered. Offset ranges stay.
 *
 * The streams are those of one driver: `batchesFrom`. A stream without a batch at that time adds no partition. The
 * batch is complete when the effects on the result have settled. RxJS's `merge`, in contrast, would emit several
 * batches of the same time.
 *
 * Source: Spark's `union`.
 *
 * @throws {InvalidOptionError} if one of the others is not an Observable
 * @throws {ForeignStreamError} (as a notification) if the streams are of different drivers
 * @throws {LateBatchError} (as a notification) if a stream emits a batch whose time has passed
 *
 * @see {@link batchesFrom}, {@link transformBatches}, {@link join}
 *
 * @example
 * ```ts
 * import { batchesFrom, batchesSource, foreachBatch, unionBatches } from 'dstream';
 *
 * const { north, south } = batchesFrom(
 *   {
 *     north: batchesSource([['a'], ['b']]),
 *     south: batchesSource([['c'], ['d'], ['e']]),
 *   },
 *   { interval: 10 },
 * );
 * north
 *   .pipe(
 *     unionBatches(south),
 *     foreachBatch((records) => console.log(records)),
 *   )
 *   .subscribe();
 * // => [ 'a', 'c' ]
 * // => [ 'b', 'd' ]
 * // => [ 'e' ]
 * ```
 */
export function unionBatches<T, U extends readonly unknown[]>(
  ...others: { readonly [I in keyof U]: Observable<Batch<U[I]>> }
): OperatorFunction<Batch<T>, Batch<T | U[number]>> {
  for (const other of others) checkStream('unionBatches', 'others', other);
  return (source) =>
    alignBatches('unionBatches', [source, ...others]).pipe(
      perBatch('unionBatches', () => {
        const times = new UnitedTimes();
        return (aligned) => {
          const batches = aligned.records[0] as readonly Batch<T | U[number]>[];
          const partitions = batches.flatMap((batch, stream) =>
            batch.partitions.map((partition) => ({ partition, stream })),
          );
          const united = partitions.map(({ partition, stream }, index) =>
            times.carry(partition, { ...partition, index }, stream),
          );
          return times.unite(batches, new Batch(united, aligned.context));
        };
      }),
    );
}
