import { EMPTY, from, type Observable, throwError } from 'rxjs';
import { CheckpointError } from '../batch/errors.js';
import type { CheckpointSession, RestoredCheckpoint } from './checkpoint.js';

/** A session of a checkpoint that may be damaged: nothing is written to it. */
export function readOnlySession(
  location: string,
  restored: RestoredCheckpoint | undefined,
  close: () => Promise<unknown> = async () => {},
): CheckpointSession {
  const refuse = (action: string): Observable<never> =>
    throwError(() => new CheckpointError(location, action, { cause: new Error('it was opened to be read only') }));
  let closed = false;
  return {
    restored,
    encode: (change) => change,
    plan: () => refuse('plan a batch'),
    save: () => refuse('save a batch'),
    close: () => {
      if (closed) return EMPTY;
      closed = true;
      return from(close());
    },
  };
}
