import type { Observable, OperatorFunction } from 'rxjs';
import type { Batch } from '../../batch/batch.js';
import type { BatchContext } from '../../batch/batchContext.js';
import { alignBatches, checkStream } from './alignBatches.js';
import { perBatch } from './perBatch.js';

/** The way in which operators over two streams are made: `combine` gets the two batches of one time, either may be empty. */
export function perTwoBatches<T, U, R>(
  operator: string,
  other: Observable<Batch<U>>,
  combine: (left: Batch<T>, right: Batch<U>, context: BatchContext) => readonly R[],
): OperatorFunction<Batch<T>, Batch<R>> {
  checkStream(operator, 'other', other);
  return (source) =>
    alignBatches(operator, [source, other]).pipe(
      perBatch(operator, () => (aligned) => {
        const [left, right] = aligned.records[0] as readonly [Batch<T>, Batch<U>];
        return aligned.withRecords(combine(left, right, aligned.context));
      }),
    );
}
