import { concat, defer, finalize, from, ignoreElements, of } from 'rxjs';
import type { Source } from '../source.js';
import type { LogClient } from './logClient.js';
import { LogRun } from './logRun.js';
import { type LogSourceOptions, resolveLogSourceOptions } from './logSourceOptions.js';

/**
 * A source over a partitioned log, for `batchesFrom`; `logBatches` makes a stream of it alone.
 *
 * Durable, that is, progress is kept, when `groupId` is set.
 *
 * @throws {InvalidOptionError} when an option is out of its range
 */
export function logSource<T>(client: LogClient, options: LogSourceOptions<T>, kind = 'logSource'): Source<T> {
  const resolved = resolveLogSourceOptions(kind, options);
  return {
    kind,
    durable: resolved.groupId !== undefined,
    open: (setup) =>
      defer(() => {
        const run = new LogRun<T>(kind, client, resolved, setup);
        let opened = false;
        const ready = defer(() => {
          opened = true;
          return of(run);
        });
        // A client that was connected and then failed, or was left, before the driver has it, is closed here.
        const closeUnopened = () => {
          if (!opened) from(run.close()).subscribe({ error: () => {} });
        };
        return concat(run.open().pipe(ignoreElements()), ready).pipe(finalize(closeUnopened));
      }),
  };
}
