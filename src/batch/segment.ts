import type { Observable } from 'rxjs';
import type { Batch } from './batch.js';
import type { OriginTracker } from './originTracker.js';

/** Names a method of segments: a symbol, so that no record has one of that name. */
export const undecoded = Symbol('undecoded');

/**
 * Records that are created while a caller iterates over them, so that nobody has to hold them all at once. An array is one.
 */
export interface Segment<T> {
  /** Calls `visit` with each record, in order. `tracker`, if there is one, knows meanwhile where the record was read from. */
  forEach(visit: (record: T) => void, tracker?: OriginTracker): void;
  /** As `forEach`, but calls no function of the user's: a record that is not decoded yet is the bytes of its value. */
  readonly [undecoded]?: (visit: (record: unknown) => void, tracker: OriginTracker) => void;
}

const segmentsByStream = new WeakMap<object, Observable<Batch<Segment<unknown>>>>();

/** States that `segments` has the same batches as `stream`, with records that are created one at a time. */
export function offerSegments<T>(stream: Observable<Batch<T>>, segments: Observable<Batch<Segment<T>>>): void {
  segmentsByStream.set(stream, segments);
}

/** The segments that `stream` offers, if it does. */
export function segmentsOf(stream: Observable<Batch<unknown>>): Observable<Batch<Segment<unknown>>> | undefined {
  return segmentsByStream.get(stream);
}
