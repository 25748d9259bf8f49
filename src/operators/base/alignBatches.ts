import { isObservable, Observable } from 'rxjs';
import type { Batch } from '../../batch/batch.js';
import { InvalidOptionError } from '../../batch/errors.js';
import { derivedFrom, sourcesOf } from '../../batch/lineage.js';
import { Alignment } from './alignment.js';

/** The batches of one time, one for each stream, in the order of the streams. */
export type AlignedBatches = readonly Batch<unknown>[];

const depths = new WeakMap<object, number>();

/**
 * The base of all operators over several streams: emits batches of one record, the row of the batches that share a
 * context. A stream without a batch of that time has an empty one in the row.
 *
 * Fails with a `ForeignStreamError` when the streams are of different drivers.
 */
export function alignBatches(
  operator: string,
  streams: readonly Observable<Batch<unknown>>[],
): Observable<Batch<AlignedBatches>> {
  const depth = 1 + Math.max(...streams.map(depthOf));
  const aligned = new Observable<Batch<AlignedBatches>>((subscriber) => {
    const alignment = new Alignment(operator, depth, streams.length, subscriber);
    subscriber.add(() => alignment.close());
    alignment.start(streams);
  });
  depths.set(aligned, depth);
  return derivedFrom(aligned, ...streams);
}

/** How many operators of this kind are in a row before the end of this stream. */
function depthOf(stream: Observable<unknown>): number {
  return depths.get(stream) ?? Math.max(0, ...sourcesOf(stream).map(depthOf));
}

/** @throws {InvalidOptionError} when it is no Observable */
export function checkStream(operator: string, option: string, stream: unknown): void {
  if (!isObservable(stream)) throw new InvalidOptionError(operator, option, stream, 'must be an Observable of batches');
}
