import { from, last, Observable, of } from 'rxjs';
import { InvalidOptionError } from '../../batch/errors.js';
import { checkOptions } from '../../options/checkOptions.js';
import { checkText } from '../../options/checks.js';
import type { Source, SourceRun, SourceSetup } from '../source.js';
import { checkReceiver } from './checkReceiver.js';
import { consumedOnce } from './consumedOnce.js';
import type { Receiver, StreamedRecords } from './receiver.js';
import {
  type ReceiverSourceOptions,
  type ResolvedReceiverOptions,
  receiverChecks,
  resolveReceiverOptions,
} from './receiverOptions.js';
import { ReceiverRun } from './receiverRun.js';
import type { WriteAheadLogRequest, WriteAheadLogSession } from './writeAheadLog.js';

/**
 * A source over something that pushes, for `batchesFrom`; `receiverBatches` makes a stream of one receiver alone.
 *
 * Without a `writeAheadLog`, records that no batch has completed are lost with the process.
 *
 * @throws {InvalidOptionError} when an option is out of its range
 */
export function receiverSource<T>(
  receiver: PromiseLike<StreamedRecords<T>>,
  options?: ReceiverSourceOptions<T>,
  kind?: string,
): Source<T>;
export function receiverSource<T>(receiver: Receiver<T>, options?: ReceiverSourceOptions<T>, kind?: string): Source<T>;
export function receiverSource<T>(
  receiver: Receiver<T>,
  options: ReceiverSourceOptions<T> = {},
  kind = 'receiverSource',
): Source<T> {
  checkText('receiverSource', 'kind', kind);
  checkReceiver('receiverSource', 'receiver', receiver);
  checkOptions('receiverSource', options, receiverChecks);
  return receiverSourceOf('receiverSource', kind, receiver, options);
}

/** A source whose options have been checked each by itself. `kind` names it in messages, `owner` the function that took the options. */
export function receiverSourceOf<T>(
  owner: string,
  kind: string,
  receiver: Receiver<T>,
  options: ReceiverSourceOptions<T>,
): Source<T> {
  const resolved = resolveReceiverOptions(owner, options);
  checkConsumption(owner, receiver, resolved);
  return {
    kind,
    durable: resolved.writeAheadLog !== undefined,
    needsCheckpoint: resolved.writeAheadLog !== undefined,
    open: (setup) =>
      new Observable<SourceRun<T>>((subscriber) => {
        const waiting = new AbortController();
        subscriber.add(() => waiting.abort());
        const request = { ...offsetsOf(setup), waiting: setup.waiting, signal: waiting.signal };
        openLog(resolved, request).subscribe({
          next: (log) => {
            let run: ReceiverRun<T>;
            try {
              run = new ReceiverRun(kind, receiver, resolved, setup, log, request.planned);
            } catch (error) {
              // The log lacks something: nobody else closes it.
              if (log) from(log.close()).subscribe({ error: () => {} });
              subscriber.error(error);
              return;
            }
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

function checkConsumption(
  owner: string,
  receiver: Receiver<unknown>,
  { restart, receivers }: ResolvedReceiverOptions,
): void {
  const option = restart ? 'restart' : receivers > 1 ? 'receivers' : undefined;
  const name = option && consumedOnce(receiver);
  if (name === undefined) return;
  const rule = `can be consumed only once, and ${option} is set: pass a function that returns a new one at each start`;
  throw new InvalidOptionError(owner, 'receiver', name, rule);
}

/** Where what is saved, and what is planned, ends, as the checkpoint says. */
function offsetsOf({ restored = [], replay, scheduler }: SourceSetup): WriteAheadLogRequest {
  const saved = restored.reduce((furthest, { offset }) => Math.max(furthest, offset), 0);
  const planned = replay.flat().reduce((furthest, { until }) => Math.max(furthest, until), saved);
  return { saved, planned, now: () => scheduler.now() };
}

/** The write-ahead log, or else the store of blocks that is on disk. */
function openLog(
  { writeAheadLog, blockStore, storageLevel }: ResolvedReceiverOptions,
  request: WriteAheadLogRequest,
): Observable<WriteAheadLogSession | undefined> {
  const log = writeAheadLog ?? blockStore;
  if (!log) return of(undefined);
  return from(log.open({ ...request, lazy: storageLevel !== 'memory' })).pipe(last());
}
