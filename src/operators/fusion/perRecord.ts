import type { Observable, OperatorFunction } from 'rxjs';
import { Batch } from '../../batch/batch.js';
import { eventTimeOf, withEventTime } from '../../batch/eventTime.js';
import { OriginTracker } from '../../batch/originTracker.js';
import { perBatch } from '../base/perBatch.js';
import { type Chain, chainOf, type RecordStep, rememberChain, type StepOwner, type Visit } from './chain.js';
import { TimedRecords } from './timedRecords.js';
import { visitPartition } from './visitRecords.js';

// Fusion: mapRecords, filterRecords and others process one record after another. Several of them in a row, and an operator
// after them that only reads each record once, run as one loop: no arrays are made between them.
//
//     source ── mapRecords ── filterRecords ── reduceByKey         each knows the steps before it and the source of the
//       └─────────────────────────────────────────┘                first: it subscribes there
//
// The chain is built when the operators are applied. Any other operator between them (`share`, `tap`) ends the chain, so what is
// subscribed to twice is computed as often as without fusion.
//
// Where the stream puts failed records aside (`onRecordError`), each step is guarded, and the loop tracks where its record was read
// from; where an error fails the stream, neither is there.
//
// A source may offer segments, which begin the chain: the records of a log are then decoded within the same loop.

/** Calls `visit` with each record of the batch, after the steps of the chain. */
export type VisitRecords<T> = (batch: Batch<unknown>, visit: Visit<T>) => void;

/** Makes every operator that processes one record after another, partition by partition. */
export function perRecord<T, R>(operator: string, step: RecordStep<T, R>): OperatorFunction<Batch<T>, Batch<R>> {
  return (source) => {
    const before = chainOf(source);
    const steps = [...before.steps, step as RecordStep<unknown, unknown>];
    return chainedStream<R>({ ...before, steps, owners: [...before.owners, { operator }] });
  };
}

/** The stream of a chain, for whatever does not run its steps itself. */
export function chainedStream<R>(chain: Chain): Observable<Batch<R>> {
  const { source, steps, owners } = chain;
  const result = perBatch<unknown, R>(namesOf(owners), () => (batch) => runSteps(steps, batch, owners))(source);
  rememberChain(result, chain);
  return result;
}

/** The batch after the steps, with what they make of its records; the event times go along. */
export function runSteps<R>(steps: Chain['steps'], batch: Batch<unknown>, owners: readonly StepOwner[] = []): Batch<R> {
  const eventTime = eventTimeOf(batch);
  const tracks = batch.context.recordErrors !== undefined;
  const partitions = batch.partitions.map(({ offsets: _, ...partition }, place) => {
    const results = new TimedRecords<R>(eventTime?.clock);
    const add = (record: unknown): void => results.add(record as R);
    if (!tracks) {
      visitPartition(steps, batch, place, add);
      return results.partition(partition);
    }
    const tracker = new OriginTracker();
    const offsets: number[] = [];
    const addTracked = (record: unknown): void => {
      add(record);
      if (tracker.offset !== undefined) offsets.push(tracker.offset);
    };
    visitPartition(steps, batch, place, addTracked, { steps: owners, tracker });
    return results.partition(offsets.length === results.records.length ? { ...partition, offsets } : partition);
  });
  const result = new Batch(partitions, batch.context);
  return eventTime ? withEventTime(result, eventTime) : result;
}

/** Makes an operator that reads each record of a batch once, in order, and keeps no partitions. */
export function afterSteps<T, R>(
  owner: StepOwner,
  make: (visitRecords: VisitRecords<T>) => OperatorFunction<Batch<unknown>, Batch<R>>,
): OperatorFunction<Batch<T>, Batch<R>> {
  return (stream) => {
    const { source, steps, owners: before } = chainOf(stream);
    const owners = { steps: before, last: owner };
    const visitRecords: VisitRecords<T> = (batch, visit) => {
      try {
        for (let i = 0; i < batch.partitions.length; i++)
          visitPartition(steps, batch, i, visit as Visit<unknown>, owners);
      } catch (error) {
        // Which step of the loop threw cannot be known without a cost for each record: all are named.
        batch.context.effects?.failing(error, namesOf([...before, owner]));
        throw error;
      }
    };
    return make(visitRecords)(source);
  };
}

function namesOf(owners: readonly StepOwner[]): string {
  return owners.map(({ operator }) => operator).join(', ');
}
