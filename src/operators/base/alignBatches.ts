import { isObservable, Observable } from 'rxjs';
import type { Batch } from '../../batch/batch.js';
import { InvalidOptionError } from '../../batch/errors.js';
import { noteUpstream } from '../../batch/upstream.js';
import { Alignment } from './alignment.js';

/** The batches of one time, one a stream, in the order of the streams. */
export type AlignedBatches = readonly Batch<unknown>[];

/**
 * The one way in which operators over several streams are made: gives batches of one record, the row of the batches of
 * that time. A stream that has none of that time has an empty one in it. Where the batches are of different drivers, the
 * context stands for all of them: what holds it holds each.
 */
export function alignBatches(
  operator: string,
  streams: readonly Observable<Batch<unknown>>[],
): Observable<Batch<AlignedBatches>> {
  return new Observable((subscriber) => {
    const alignment = new Alignment(operator, streams.length, subscriber);
    noteUpstream(alignment);
    subscriber.add(() => alignment.close());
    alignment.start(streams);
  });
}

/** @throws {InvalidOptionError} when it is no Observable */
export function checkStream(operator: string, option: string, stream: unknown): void {
  if (!isObservable(stream)) throw new InvalidOptionError(operator, option, stream, 'must be an Observable of batches');
}
