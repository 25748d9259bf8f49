import { concat, defer, finalize, from, ignoreElements, of } from 'rxjs';
import type { Source } from '../source.js';
import { DecodedRecords } from './decodedRecords.js';
import type { LogClient } from './logClient.js';
import { LogRun, type NewTaking } from './logRun.js';
import { type LogSourceOptions, resolveLogSourceOptions } from './logSourceOptions.js';
import { UndecodedRecords } from './undecodedRecords.js';

/**
 * A source over a partitioned log, for `batchesFrom`; `logBatches` makes a stream of it alone.
 *
 * Durable, that is, progress is kept, when `groupId` is set.
 *
 * @throws {InvalidOptionError} when an option is out of its range
 */
export function logSource<T>(client: LogClient, options: LogSourceOptions<T>, kind = 'logSource'): Source<T> {
  const resolved = resolveLogSourceOptions(kind, options);
  const source = <R>(newTaking: NewTaking<R>): Source<R> => ({
    kind,
    durable: resolved.groupId !== undefined,
    open: (setup) =>
      defer(() => {
        const run = new LogRun<R>(kind, client, resolved, newTaking, setup);
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
  });
  const decoded = source(() => new DecodedRecords<T>(resolved));
  if (resolved.invalidRecords !== 'error') return decoded;
  return { ...decoded, segments: source((scheduler) => new UndecodedRecords<T>(resolved, scheduler)) };
}
