import type { Observable } from 'rxjs';
import type { Batch } from './batch.js';
import type { BatchContext } from './batchContext.js';
import type { Segment } from './segment.js';

/** What is done with each record. */
export type Visit<T> = (record: T) => void;

/** What one operator does with the records of one batch; results go to `next`. */
export type RecordStep<T, R> = (next: Visit<R>, context: BatchContext) => Visit<T>;

/** A stream that is another one with steps done to each record. Who knows it so may do them in a loop of its own. */
export interface RecordRow {
  readonly source: Observable<Batch<unknown>>;
  readonly steps: readonly RecordStep<unknown, unknown>[];
}

const rows = new WeakMap<object, RecordRow>();

export function rowOf(stream: Observable<Batch<unknown>>): RecordRow {
  return rows.get(stream) ?? { source: stream, steps: [] };
}

export function noteRow(stream: Observable<Batch<unknown>>, row: RecordRow): void {
  rows.set(stream, row);
}

/** Makes `stream` the beginning of a row: `segments` has the same records, to be made while the row goes through them. */
export function beginRow<T>(stream: Observable<Batch<T>>, segments: Observable<Batch<Segment<T>>>): void {
  const open: RecordStep<Segment<unknown>, unknown> = (next) => (segment) => segment.forEach(next);
  noteRow(stream, { source: segments, steps: [open as RecordStep<unknown, unknown>] });
}
