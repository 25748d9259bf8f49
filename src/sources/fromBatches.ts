import type { NothingInferred, PairLike, PairOf } from '../batch/pairOf.js';
import { batchesOf } from '../driver/batchesOf.js';
import type { BatchStream } from '../driver/batchStream.js';
import { driverChecks } from '../driver/driverChecks.js';
import { type DriverOptions, resolveDriverOptions } from '../driver/driverOptions.js';
import { checkOptions } from '../options/checkOptions.js';
import { type BatchesSourceOptions, batchesSourceChecks, GivenBatches } from './givenBatches.js';

/** What `fromBatches` takes. */
export interface FromBatchesOptions extends DriverOptions, BatchesSourceOptions {}

/**
 * A stream of given batches: batch i (from 0) is emitted at the i+1-th multiple of the interval, followed by `emptyAfter` empty
 * ones, and then the stream completes. For tests and examples; with a checkpoint a new subscription continues after the last
 * complete batch.
 *
 * Source: Spark's `queueStream`.
 *
 * @throws {InvalidOptionError} when an option is out of its range
 *
 * @see {@link batchesSource} for several sources of one driver
 * @see {@link logBatches} for a log in memory
 * @see {@link runBatches} for batch marbles in tests
 *
 * @example
 * ```ts
 * import { foreachBatch, fromBatches } from 'dstream';
 *
 * fromBatches([['a', 'b', 'c'], []], { interval: 10 })
 *   .pipe(foreachBatch((records) => console.log(records)))
 *   .subscribe({ complete: () => console.log('complete') });
 * // => [ 'a', 'b', 'c' ]
 * // => []
 * // => complete
 * ```
 */
export function fromBatches<P extends PairLike = NothingInferred>(
  batches: readonly (readonly P[])[],
  options: FromBatchesOptions,
): BatchStream<PairOf<NoInfer<P>>>;
/**
 * A stream of given batches: batch i (from 0) comes at the i+1-th multiple of the interval, then `emptyAfter` empty
 * ones, then the stream completes.
 */
export function fromBatches<T>(batches: readonly (readonly T[])[], options: FromBatchesOptions): BatchStream<T>;
export function fromBatches<T>(batches: readonly (readonly T[])[], options: FromBatchesOptions): BatchStream<T> {
  checkOptions('fromBatches', options, { ...driverChecks, ...batchesSourceChecks });
  const resolved = resolveDriverOptions('fromBatches', options);
  return batchesOf('batches', new GivenBatches('fromBatches', batches, options), resolved);
}
