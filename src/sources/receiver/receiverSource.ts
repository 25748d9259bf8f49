import { Observable } from 'rxjs';
import { InvalidOptionError } from '../../batch/errors.js';
import type { Source, SourceRun } from '../source.js';
import type { Receiver } from './receiver.js';
import { type ReceiverSourceOptions, resolveReceiverOptions } from './receiverOptions.js';
import { ReceiverRun } from './receiverRun.js';

/**
 * A source over something that pushes, for `batchesFrom`; `receiverBatches` makes a stream of it alone.
 *
 * Not durable: records that no batch has completed are gone with the process.
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
    durable: false,
    open: (setup) =>
      new Observable<SourceRun<T>>((subscriber) => {
        const run = new ReceiverRun(kind, receiver, resolved, setup);
        // First the driver has it: a receiver that makes the stream end while it is started is closed then.
        subscriber.next(run);
        run.start();
        subscriber.complete();
      }),
  };
}
