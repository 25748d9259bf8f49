import type { Source, SourceRun } from 'dstream';
import { from, map, tap } from 'rxjs';
import { failpoint } from '../../src/storage/failpoint.js';

/** Any source, with failure points around what is asked of it. */
export function pointedSource<T>(source: Source<T>): Source<T> {
  const run = (inner: SourceRun<T>): SourceRun<T> => ({
    plan: (request) => inner.plan(request),
    fetch: (plan, narrow) => {
      failpoint('fetch:before');
      return from(inner.fetch(plan, narrow)).pipe(tap(() => failpoint('fetch:after')));
    },
    commit: (ranges) => {
      failpoint('commit:before');
      return from(inner.commit(ranges)).pipe(tap({ complete: () => failpoint('commit:after') }));
    },
    ...(inner.stop && { stop: () => inner.stop?.() }),
    close: () => inner.close(),
  });
  const { kind, durable, needsCheckpoint } = source;
  return { kind, durable, needsCheckpoint, open: (setup) => from(source.open(setup)).pipe(map(run)) };
}
