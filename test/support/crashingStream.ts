import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foreachBatch, type ReceiverSink, receiverBatches } from 'dstream';
import { fileCheckpoint, fileWriteAheadLog } from 'dstream/node';
import { retry } from 'rxjs';

/** What a stream that fails at random must survive. */
export interface CrashingStream<T> {
  readonly receiver: (sink: ReceiverSink<T>) => () => void;
  /** Records that must come. */
  readonly count: number;
  readonly random: () => number;
  /** Without one the checkpoint alone says where to go on. */
  readonly log: boolean;
}

/** Returns all records of the batches that were written, in order, once there are `count`. */
export function runCrashing<T>({ receiver, count, random, log }: CrashingStream<T>): Promise<readonly T[]> {
  const directory = mkdtempSync(join(tmpdir(), 'dstream-crashing-'));
  const seen: T[] = [];
  let crashes = 10;
  const stream = receiverBatches(receiver, {
    interval: 10,
    restart: { delay: 5, maxDelay: 20, onClose: 'restart' },
    checkpoint: fileCheckpoint(join(directory, 'checkpoint')),
    ...(log && { writeAheadLog: fileWriteAheadLog(join(directory, 'wal'), { segmentBytes: 4_096 }) }),
  });
  return new Promise((resolve, reject) => {
    const subscription = stream
      .pipe(
        foreachBatch((records) => {
          // Before anything of the batch is seen: it is replayed, or comes again.
          if (records.length > 0 && crashes > 0 && random() < 0.2 && crashes-- > 0) throw new Error('crash');
          seen.push(...records);
          if (seen.length < count) return;
          subscription.unsubscribe();
          resolve(seen);
        }),
        retry({ count: 10 }),
      )
      .subscribe({ error: reject });
  });
}

/** All records of a stream that completes; rejects with what it fails with. */
export function allOf<T>(receiver: (sink: ReceiverSink<T>) => () => void, options = {}): Promise<readonly T[]> {
  const records: T[] = [];
  return new Promise((resolve, reject) => {
    receiverBatches<T>(receiver, { interval: 10, ...options })
      .pipe(foreachBatch((batch) => void records.push(...batch)))
      .subscribe({ error: reject, complete: () => resolve(records) });
  });
}
