import type { Observable } from 'rxjs';
import type { Batch } from '../../batch/batch.js';
import type { BatchContext } from '../../batch/batchContext.js';
import type { FailedRecord } from '../../batch/recordErrors.js';
import { type Segment, segmentsOf } from '../../batch/segment.js';

/** Called with each record. */
export type Visit<T> = (record: T) => void;

/** The partition whose records are visited, by its place in its batch. */
export interface Place {
  readonly batch: Batch<unknown>;
  readonly index: number;
}

/** Creates what one operator does with the records of one partition; results go to `next`. */
export type RecordStep<T, R> = (next: Visit<R>, context: BatchContext, place: Place) => Visit<T>;

/** The operator that a step is of. */
export type StepOwner = Pick<FailedRecord, 'operator' | 'id'>;

/** A stream, as a source with steps applied to each record. An operator may run the steps in its own loop. */
export interface Chain {
  readonly source: Observable<Batch<unknown>>;
  readonly steps: readonly RecordStep<unknown, unknown>[];
  /** The operators whose steps they are, for messages and dead letters. */
  readonly owners: readonly StepOwner[];
  /** Whether one of the steps sets event times: another such step begins another chain. */
  readonly stamps?: boolean | undefined;
}

const chains = new WeakMap<object, Chain>();

/** The step that visits the records of a segment. */
export const openSegment: RecordStep<unknown, unknown> = (next) => (segment) =>
  (segment as Segment<unknown>).forEach(next);

/** The chain behind a stream: the one it was built from, one that opens the segments it offers, or the stream itself. */
export function chainOf(stream: Observable<Batch<unknown>>): Chain {
  const known = chains.get(stream);
  if (known) return known;
  const segments = segmentsOf(stream);
  return segments ? { source: segments, steps: [openSegment], owners: [] } : { source: stream, steps: [], owners: [] };
}

export function rememberChain(stream: Observable<Batch<unknown>>, chain: Chain): void {
  chains.set(stream, chain);
}
