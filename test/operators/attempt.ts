import { type Batch, type Checkpoint, foreachBatch, fromBatches } from 'dstream';
import type { OperatorFunction } from 'rxjs';
import { virtual } from '../support/virtual.js';

/**
 * What comes of batches every 10 ms in one life with this checkpoint: the records, then the message of an error. The
 * output fails with `crash` at the batch time `crashAt`.
 */
export function attempt<T>(
  batches: readonly (readonly T[])[],
  operator: OperatorFunction<Batch<T>, Batch<unknown>>,
  checkpoint: Checkpoint,
  crashAt = 0,
): readonly unknown[] {
  const events: unknown[] = [];
  virtual(() => {
    fromBatches<T>(batches, { interval: 10, checkpoint })
      .pipe(
        operator,
        foreachBatch((records, { time }) => {
          if (time === crashAt) throw new Error('crash');
          events.push(...records);
        }),
      )
      .subscribe({ error: ({ message }: Error) => events.push(message) });
  });
  return events;
}
