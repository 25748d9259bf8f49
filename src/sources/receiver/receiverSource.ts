import { from, last, Observable, of } from 'rxjs';
import { InvalidOptionError } from '../../batch/errors.js';
import type { Source, SourceRun, SourceSetup } from '../source.js';
import type { Receiver } from './receiver.js';
import { type ReceiverSourceOptions, resolveReceiverOptions } from './receiverOptions.js';
import { ReceiverRun } from './receiverRun.js';
import { plannedUntil, savedUntil } from './recoveredRecords.js';
import type { WriteAheadLog, WriteAheadLogSession } from './writeAheadLog.js';

/**
 * A source over something that pushes, for `batchesFrom`; `receiverBatches` makes a stream of it alone.
 *
 * Without a `writeAheadLog` records that no batch has completed are gone with the process.
 *
 * @throws {InvalidOptionError} when an option is out of its range
 */
export function receiverSource<T>(
  receiver: Receiver<T>,
  options: ReceiverSourceOptions = {},
  kind = 'receiverSource',
): Source<T> {
  const resolved = resolveReceiverOptions(kind, options);
  if (!['function', 'object', 'string'].includes(typeof receiver) || receiver === null) {
    throw new InvalidOptionError(kind, 'receiver', receiver, 'must be an Observable, an iterable or a function');
  }
  return {
    kind,
    durable: resolved.writeAheadLog !== undefined,
    needsCheckpoint: resolved.writeAheadLog !== undefined,
    open: (setup) =>
      new Observable<SourceRun<T>>((subscriber) => {
        openLog(resolved.writeAheadLog, setup).subscribe({
          next: (log) => {
            const run = new ReceiverRun(kind, receiver, resolved, setup, log);
            // Nobody waits for it any more, and what has opened has to be closed.
            if (subscriber.closed) from(run.close()).subscribe({ error: () => {} });
            // First the driver has it: a receiver that makes the stream end while it is started is closed then.
            subscriber.next(run);
            run.start();
          },
          error: (error: unknown) => subscriber.error(error),
          complete: () => subscriber.complete(),
        });
      }),
  };
}

function openLog(
  writeAheadLog: WriteAheadLog | undefined,
  setup: SourceSetup,
): Observable<WriteAheadLogSession | undefined> {
  if (!writeAheadLog) return of(undefined);
  const request = { saved: savedUntil(setup), planned: plannedUntil(setup) };
  return from(writeAheadLog.open(request)).pipe(last());
}
