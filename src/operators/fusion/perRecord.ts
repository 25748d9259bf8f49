import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../../batch/batch.js';
import type { BatchContext } from '../../batch/batchContext.js';
import { perBatch } from '../base/perBatch.js';
import { type Chain, chainOf, type RecordStep, rememberChain, type Visit } from './chain.js';

// mapRecords, filterRecords and the like work on one record after the other. Several of them in a row, and an operator
// after them that only wants to see each record once, run as one loop: no array is made between them.
//
//     source ── mapRecords ── filterRecords ── reduceByKey         each knows the steps before it, and the source of
//       └─────────────────────────────────────────┘                the first: it subscribes there
//
// It is decided when the operators are put together. Whatever else stands between them (`share`, `tap`) ends the row,
// so what is subscribed twice is computed as often as without this.
//
// The source of the first may begin the row: the records of a log are then made within the same loop (`beginRow`).

/** Calls `visit` with each record of the batch, after the steps before this operator. */
export type VisitRecords<T> = (batch: Batch<unknown>, visit: Visit<T>) => void;

/** The one way in which operators are made that take one record after the other, partition by partition. */
export function perRecord<T, R>(step: RecordStep<T, R>): OperatorFunction<Batch<T>, Batch<R>> {
  return (source) => {
    const before = chainOf(source);
    const steps = [...before.steps, step as RecordStep<unknown, unknown>];
    const result = perBatch<unknown, R>(() => (batch) => {
      return batch.withPartitions(({ records }) => {
        const results: R[] = [];
        const first = compose(steps, (record) => results.push(record as R), batch.context);
        for (const record of records) first(record);
        return results;
      });
    })(before.source);
    rememberChain(result, { source: before.source, steps });
    return result;
  };
}

/** An operator that sees each record of a batch once, in order, and keeps none of the partitions. */
export function afterSteps<T, R>(
  make: (visitRecords: VisitRecords<T>) => OperatorFunction<Batch<unknown>, Batch<R>>,
): OperatorFunction<Batch<T>, Batch<R>> {
  return (stream) => {
    const { source, steps } = chainOf(stream);
    const visitRecords: VisitRecords<T> = (batch, visit) => {
      const first = compose(steps, visit as Visit<unknown>, batch.context);
      for (const { records } of batch.partitions) for (const record of records) first(record);
    };
    return make(visitRecords)(source);
  };
}

function compose(steps: Chain['steps'], last: Visit<unknown>, context: BatchContext): Visit<unknown> {
  return steps.reduceRight((next, step) => step(next, context), last);
}
