import { batchesOf } from '../../driver/batchesOf.js';
import type { BatchStream } from '../../driver/batchStream.js';
import { driverChecks } from '../../driver/driverChecks.js';
import { type DriverOptions, resolveDriverOptions } from '../../driver/driverOptions.js';
import { checkOptions } from '../../options/checkOptions.js';
import { checkReceiver } from './checkReceiver.js';
import type { Receiver, StreamedRecords } from './receiver.js';
import { type ReceiverSourceOptions, receiverChecks } from './receiverOptions.js';
import { receiverSourceOf } from './receiverSource.js';

/** Options of `receiverBatches`: those of the receiver and those of the driver. */
export type ReceiverBatchesOptions<T = unknown> = ReceiverSourceOptions<T> & DriverOptions;

/**
 * Makes a stream of batches, one per interval, of something that pushes and is not a log: a socket, DOM events, any
 * Observable. The records that arrive within a `blockInterval` are a block, and a block is a partition of the batch that takes
 * it. A batch takes the blocks that are there, as many records as the rate of `backpressure` allows; the rest waits, at most
 * `maxQueue` records.
 *
 * Each subscription starts a receiver of its own. When the receiver completes, the stream completes after the last block.
 *
 * With a `writeAheadLog` and a `checkpoint` no stored record is lost: a batch takes only what is durable, and after a crash
 * batches are replayed with the same records. Without a log, records that no batch has completed are lost with the process,
 * even with a checkpoint: replayed batches are empty then, and report those records as `lost`.
 *
 * Source: Spark's `receiverStream`, `Receiver`, `BlockGenerator` and `WriteAheadLogBasedBlockHandler`.
 *
 * @throws {InvalidOptionError} when an option is out of its range, or `writeAheadLog` is set and `checkpoint` is not
 * @throws {QueueOverflowError} (as a notification) when more than `maxQueue` records wait and `overflow` is `'error'`
 *
 * @example
 * ```ts
 * import { foreachBatch, receiverBatches } from 'dstream';
 * import { interval, map, take } from 'rxjs';
 * import { TestScheduler } from 'rxjs/testing';
 *
 * new TestScheduler(() => {}).run(() => {
 *   // A click every 4 ms.
 *   const clicks = interval(4).pipe(take(3), map((i) => 'abc'[i]));
 *   receiverBatches(clicks, { interval: 10 })
 *     .pipe(foreachBatch((records) => console.log(records)))
 *     .subscribe({ complete: () => console.log('complete') });
 * });
 * // => [ 'a', 'b' ]
 * // => [ 'c' ]
 * // => complete
 * ```
 */
export function receiverBatches<T>(
  receiver: PromiseLike<StreamedRecords<T>>,
  options: ReceiverBatchesOptions<T>,
): BatchStream<T>;
export function receiverBatches<T>(receiver: Receiver<T>, options: ReceiverBatchesOptions<T>): BatchStream<T>;
export function receiverBatches<T>(receiver: Receiver<T>, options: ReceiverBatchesOptions<T>): BatchStream<T> {
  checkReceiver('receiverBatches', 'receiver', receiver);
  checkOptions('receiverBatches', options, { ...driverChecks, ...receiverChecks });
  const resolved = resolveDriverOptions('receiverBatches', options);
  return batchesOf('receiver', receiverSourceOf('receiverBatches', 'receiverBatches', receiver, options), resolved);
}
