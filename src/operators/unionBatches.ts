import type { Observable, OperatorFunction } from 'rxjs';
import { Batch } from '../batch/batch.js';
import { alignBatches, checkStream } from './base/alignBatches.js';
import { perBatch } from './base/perBatch.js';

/**
 * Puts the batches of one time of several streams together: all their partitions, in the order of the streams, numbered
 * anew. Offset ranges stay.
 *
 * The streams need the same batch interval. A stream that has no batch of a time adds no partition. The batch is complete
 * when the effects on what comes out have settled, and not before, for all streams; rxjs's `merge`, in contrast, would give
 * several batches of the same time.
 *
 * Source: Spark's `union`.
 *
 * @throws {IntervalMismatchError} (as a notification) when the batch intervals differ
 * @throws {LateBatchError} (as a notification) when a stream brings a batch of a time that has passed
 *
 * @example
 * ```ts
 * import { foreachBatch, unionBatches } from 'dstream';
 * import { runBatches } from 'dstream/testing';
 *
 * runBatches(({ batches }) => {
 *   const north = batches('-a-b---|');
 *   const south = batches('-c-d-e-|');
 *
 *   north
 *     .pipe(
 *       unionBatches(south),
 *       foreachBatch((records) => console.log(records)),
 *     )
 *     .subscribe();
 * });
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
      perBatch(() => (aligned) => {
        const batches = aligned.records[0] as readonly Batch<T | U[number]>[];
        const partitions = batches.flatMap((batch) => batch.partitions);
        return new Batch(
          partitions.map((partition, index) => ({ ...partition, index })),
          aligned.context,
        );
      }),
    );
}
