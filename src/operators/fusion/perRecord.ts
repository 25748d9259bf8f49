import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../../batch/batch.js';
import type { BatchContext } from '../../batch/batchContext.js';
import { perBatch } from '../base/perBatch.js';
import { type Chain, chainOf, type RecordStep, rememberChain, type Visit } from './chain.js';

// Fusion: mapRecords, filterRecords and others process one record after another. Several of them in a row, and an operator
// after them that only reads each record once, run as one loop: no arrays are made between them.
//
//     source ── mapRecords ── filterRecords ── reduceByKey         each knows the steps before it and the source of the
//       └─────────────────────────────────────────┘                first: it subscribes there
//
// The chain is built when the operators are applied. Any other operator between them (`share`, `tap`) ends the chain, so what is
// subscribed to twice is computed as often as without fusion.
//
// A source may offer segments, which begin the chain: the records of a log are then decoded within the same loop.

/** Calls `visit` with each record of the batch, after the steps of the chain. */
export type VisitRecords<T> = (batch: Batch<unknown>, visit: Visit<T>) => void;

/** Makes every operator that processes one record after another, partition by partition. */
export function perRecord<T, R>(operator: string, step: RecordStep<T, R>): OperatorFunction<Batch<T>, Batch<R>> {
  return (source) => {
    const before = chainOf(source);
    const steps = [...before.steps, step as RecordStep<unknown, unknown>];
    const operators = [...before.operators, operator];
    const result = perBatch<unknown, R>(operators.join(', '), () => (batch) => {
      return batch.withPartitions(({ records }) => {
        const results: R[] = [];
        const first = compose(steps, (record) => results.push(record as R), batch.context);
        for (const record of records) first(record);
        return results;
      });
    })(before.source);
    rememberChain(result, { source: before.source, steps, operators });
    return result;
  };
}

/** Makes an operator that reads each record of a batch once, in order, and keeps no partitions. */
export function afterSteps<T, R>(
  operator: string,
  make: (visitRecords: VisitRecords<T>) => OperatorFunction<Batch<unknown>, Batch<R>>,
): OperatorFunction<Batch<T>, Batch<R>> {
  return (stream) => {
    const { source, steps, operators } = chainOf(stream);
    const names = [...operators, operator].join(', ');
    const visitRecords: VisitRecords<T> = (batch, visit) => {
      const first = compose(steps, visit as Visit<unknown>, batch.context);
      try {
        for (const { records } of batch.partitions) for (const record of records) first(record);
      } catch (error) {
        // Which step of the loop threw cannot be known without a cost for each record: all are named.
        batch.context.effects?.failing(error, names);
        throw error;
      }
    };
    return make(visitRecords)(source);
  };
}

function compose(steps: Chain['steps'], last: Visit<unknown>, context: BatchContext): Visit<unknown> {
  return steps.reduceRight((next, step) => step(next, context), last);
}
