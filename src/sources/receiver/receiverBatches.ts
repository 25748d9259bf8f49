import { batchesOf } from '../../driver/batchesOf.js';
import type { BatchStream } from '../../driver/batchStream.js';
import { type DriverOptions, resolveDriverOptions } from '../../driver/driverOptions.js';
import type { Receiver } from './receiver.js';
import type { ReceiverSourceOptions } from './receiverOptions.js';
import { receiverSource } from './receiverSource.js';

export type ReceiverBatchesOptions = ReceiverSourceOptions & DriverOptions;

/**
 * What pushes and is no log (a socket, DOM events, any Observable) as a stream of batches, one an interval. The records
 * that came within a `blockInterval` are a block, and a block is a partition of the batch that takes it; a batch takes
 * the blocks that are there, as many records as the rate of `backpressure` allows, and the rest waits, at most `maxQueue`.
 *
 * Each subscription starts a receiver of its own. When the receiver completes, the stream completes after the last block.
 *
 * With a `writeAheadLog` and a `checkpoint` nothing is lost that was stored: a batch takes only what is durable, and after a
 * crash batches are replayed with the same records. Without a log, what no batch has completed is gone with the process,
 * also with a checkpoint: batches that are replayed are empty then, and tell what they had as `lost`.
 *
 * Source: Spark's `receiverStream`, `Receiver`, `BlockGenerator` and `WriteAheadLogBasedBlockHandler`.
 *
 * @throws {InvalidOptionError} when an option is out of its range, or there is a `writeAheadLog` and no `checkpoint`
 * @throws {QueueOverflowError} (as a notification) when more than `maxQueue` records wait and `overflow` is `'error'`
 *
 * @example
 * ```ts
 * import { foreachBatch, receiverBatches } from 'dstream';
 * import { interval, map, take } from 'rxjs';
 * import { TestScheduler } from 'rxjs/testing';
 *
 * new TestScheduler(() => {}).run(() => {
 *   // A click each 4 ms.
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
export function receiverBatches<T>(receiver: Receiver<T>, options: ReceiverBatchesOptions): BatchStream<T> {
  const resolved = resolveDriverOptions('receiverBatches', options);
  return batchesOf('receiver', receiverSource(receiver, options, 'receiverBatches'), resolved);
}
