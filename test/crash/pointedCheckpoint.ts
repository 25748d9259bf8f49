import type { Checkpoint, CheckpointSession, RestoredCheckpoint } from 'dstream';
import { concat, defer, EMPTY, from, ignoreElements, map, type Observable, type ObservableInput } from 'rxjs';
import { failpoint } from '../../src/storage/failpoint.js';

/** What the child needs to know of the batches. */
export interface Progress {
  opened(restored: RestoredCheckpoint | undefined): void;
  planned(): void;
  saved(): void;
}

/** Any checkpoint, with failure points around what the driver asks of it. */
export function pointedCheckpoint(checkpoint: Checkpoint, progress: Progress): Checkpoint {
  const session = (inner: CheckpointSession): CheckpointSession => ({
    restored: inner.restored,
    ...(inner.openState && { openState: inner.openState.bind(inner) }),
    ...(inner.attach && { attach: inner.attach.bind(inner) }),
    encode: (change) => inner.encode(change),
    plan: (batch) => around('plan', () => inner.plan(batch), progress.planned),
    save: (batch) => around('save', () => inner.save(batch), progress.saved),
    close: () => inner.close(),
  });
  const open = () =>
    defer(() => {
      failpoint('open:before');
      return checkpoint.open();
    }).pipe(
      map((inner) => {
        failpoint('open:after');
        progress.opened(inner.restored);
        return session(inner);
      }),
    );
  return { location: checkpoint.location, open };
}

function around(name: string, work: () => ObservableInput<unknown>, done: () => void): Observable<never> {
  const before = defer(() => {
    failpoint(`${name}:before`);
    return from(work()).pipe(ignoreElements());
  });
  const after = defer(() => {
    failpoint(`${name}:after`);
    done();
    return EMPTY;
  });
  return concat(before, after);
}
