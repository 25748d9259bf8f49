import { from, last, Observable, of } from 'rxjs';
import { InvalidOptionError } from '../../batch/errors.js';
import type { Source, SourceRun, SourceSetup } from '../source.js';
import type { Receiver } from './receiver.js';
import { type ReceiverSourceOptions, resolveReceiverOptions } from './receiverOptions.js';
import { ReceiverRun } from './receiverRun.js';
import type { WriteAheadLog, WriteAheadLogRequest, WriteAheadLogSession } from './writeAheadLog.js';

/**
 * A source over something that pushes, for `batchesFrom`; `receiverBatches` makes a stream of one receiver alone.
 *
 * Without a `writeAheadLog`, records that no batch has completed are lost with the process.
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
        const request = offsetsOf(setup);
        openLog(resolved.writeAheadLog, request).subscribe({
          next: (log) => {
            const run = new ReceiverRun(kind, receiver, resolved, setup, log, request.planned);
            // The stream has ended meanwhile: nobody else closes what has been opened.
            if (subscriber.closed) from(run.close()).subscribe({ error: () => {} });
            // Handed to the driver first: a receiver may end the stream while it is started, and is closed then.
            subscriber.next(run);
            run.start();
          },
          error: (error: unknown) => subscriber.error(error),
          complete: () => subscriber.complete(),
        });
      }),
  };
}

/** Where what is saved, and what is planned, ends, as the checkpoint says. */
function offsetsOf({ restored = [], replay }: SourceSetup): WriteAheadLogRequest {
  const saved = restored.reduce((furthest, { offset }) => Math.max(furthest, offset), 0);
  const planned = replay.flat().reduce((furthest, { until }) => Math.max(furthest, until), saved);
  return { saved, planned };
}

function openLog(
  writeAheadLog: WriteAheadLog | undefined,
  request: WriteAheadLogRequest,
): Observable<WriteAheadLogSession | undefined> {
  if (!writeAheadLog) return of(undefined);
  return from(writeAheadLog.open(request)).pipe(last());
}
