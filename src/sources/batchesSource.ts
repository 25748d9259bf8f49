import type { NothingInferred, PairLike, PairOf } from '../batch/pairOf.js';
import { checkOptions } from '../options/checkOptions.js';
import { type BatchesSourceOptions, batchesSourceChecks, GivenBatches } from './givenBatches.js';
import type { Source } from './source.js';

/**
 * Given batches as a source for `batchesFrom`, next to sources of any kind: batch i (from 0) is read at the i+1-th tick.
 * For tests and examples.
 *
 * @throws {InvalidOptionError} when an option is out of its range
 *
 * @see {@link fromBatches} for a stream of its own
 *
 * @example
 * ```ts
 * import { batchesFrom, batchesSource, foreachBatch, unionBatches } from 'dstream';
 *
 * const { north, south } = batchesFrom(
 *   { north: batchesSource([['a'], ['b']]), south: batchesSource([['c']]) },
 *   { interval: 10 },
 * );
 * north
 *   .pipe(
 *     unionBatches(south),
 *     foreachBatch((records) => console.log(records)),
 *   )
 *   .subscribe();
 * // => [ 'a', 'c' ]
 * // => [ 'b' ]
 * ```
 */
export function batchesSource<P extends PairLike = NothingInferred>(
  batches: readonly (readonly P[])[],
  options?: BatchesSourceOptions,
): Source<PairOf<NoInfer<P>>>;
export function batchesSource<T>(batches: readonly (readonly T[])[], options?: BatchesSourceOptions): Source<T>;
export function batchesSource<T>(batches: readonly (readonly T[])[], options: BatchesSourceOptions = {}): Source<T> {
  checkOptions('batchesSource', options, batchesSourceChecks);
  return new GivenBatches('batchesSource', batches, options);
}
