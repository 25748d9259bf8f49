import { concat, defer, finalize, from, ignoreElements, of } from 'rxjs';
import type { Segment } from '../../batch/segment.js';
import type { Source } from '../source.js';
import { EagerCursor } from './eagerCursor.js';
import { LazyCursor } from './lazyCursor.js';
import type { LogClient } from './logClient.js';
import { LogRun, type NewCursor } from './logRun.js';
import type { ResolvedLogSourceOptions } from './resolveLogSourceOptions.js';
import { selectionOf } from './selectionOf.js';

/** A source whose options have been checked. `kind` names it in messages; each subscription calls `newClient`. */
export function resolvedLogSource<T>(
  kind: string,
  newClient: () => LogClient,
  options: ResolvedLogSourceOptions<T>,
): Source<T> {
  const selection = options.partitions && selectionOf(options.partitions);
  const source = <R>(newCursor: NewCursor<R>): Source<R> => ({
    kind,
    durable: options.groupId !== undefined,
    selection,
    open: (setup) =>
      defer(() => {
        const run = new LogRun<R>(kind, newClient(), options, newCursor, setup);
        let opened = false;
        const ready = defer(() => {
          opened = true;
          return of(run);
        });
        // A run that fails or is unsubscribed before the driver has it is closed here.
        const closeUnopened = () => {
          if (!opened) from(run.close()).subscribe({ error: () => {} });
        };
        return concat(run.open().pipe(ignoreElements()), ready).pipe(finalize(closeUnopened));
      }),
  });
  const eager = source(({ keepOffsets }, traceParents) => new EagerCursor<T>(kind, options, traceParents, keepOffsets));
  if (options.invalidRecords !== 'error') return eager;
  const lazy: NewCursor<Segment<T>> = ({ scheduler, keepOffsets }, traceParents) =>
    new LazyCursor<T>(kind, options, scheduler, traceParents, keepOffsets);
  return { ...eager, segments: source(lazy) };
}
