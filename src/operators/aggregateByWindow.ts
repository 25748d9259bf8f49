import type { OperatorFunction } from 'rxjs';
import type { Batch } from '../batch/batch.js';
import { checkOptions } from '../options/checkOptions.js';
import type { Aggregator } from '../windows/aggregator.js';
import { aggregatorSignature } from '../windows/aggregatorSignature.js';
import { checkAggregator } from '../windows/checkAggregator.js';
import { DabaLite } from '../windows/dabaLite.js';
import type { InvertibleAggregator } from '../windows/invertibleAggregator.js';
import { partialOfVisited } from '../windows/partialOf.js';
import { RefreshedSubtract } from '../windows/refreshedSubtract.js';
import type { SlidingAggregator } from '../windows/slidingAggregator.js';
import { SubtractOnEvict } from '../windows/subtractOnEvict.js';
import { TwoStacks } from '../windows/twoStacks.js';
import { type AggregateWindowOptions, aggregateWindowChecks, checkInverse, inverseOf } from './aggregatorOptions.js';
import { type QueryableOption, queryableChecks } from './base/queryableOption.js';
import { slidingPanes, type TimedPane } from './base/slidingPanes.js';
import { afterSteps } from './fusion/perRecord.js';

/**
 * Aggregates the records of the last `window` ms, every `slide` ms. Emits one record, also for an empty window: what
 * `lower` returns for the identity, such as 0 for a count.
 *
 * A slide costs a few calls of `combine`, whatever the length of the window. Of each batch only its partial is kept.
 *
 * Source: Spark's `reduceByWindow`, over an aggregator.
 *
 * @throws {InvalidOptionError} if the aggregator lacks a part, an option is out of its range, or `inverse` is `true` and
 * the aggregator has no inverse; as a notification, at the first batch, if `window` or `slide` is not a multiple of the
 * batch interval
 * @throws {IncompatibleStateError} (as a notification) if the checkpoint contains panes of another aggregator
 *
 * @example
 * ```ts
 * import { aggregateByWindow, foreachBatch, fromBatches } from 'dstream';
 * import { mean } from 'dstream/aggregators';
 *
 * fromBatches([[1, 2], [6], []], { interval: 10 })
 *   .pipe(
 *     aggregateByWindow(mean(), { window: 20 }),
 *     foreachBatch(([average]) => console.log(average)),
 *   )
 *   .subscribe();
 * // => 1.5
 * // => 3
 * // => 6
 * ```
 *
 * @see {@link aggregateByKeyAndWindow}
 * @see {@link reduceByWindow}
 * @see {@link countByWindow}
 */
export function aggregateByWindow<In, P, Out>(
  aggregator: InvertibleAggregator<In, P, Out>,
  options: AggregateWindowOptions & QueryableOption<null, Out>,
): OperatorFunction<Batch<In>, Batch<Out>>;
/** Aggregates the records of the last `window` ms, every `slide` ms. */
export function aggregateByWindow<In, P, Out>(
  aggregator: Aggregator<In, P, Out>,
  options: AggregateWindowOptions & QueryableOption<null, Out> & { readonly inverse?: false },
): OperatorFunction<Batch<In>, Batch<Out>>;
export function aggregateByWindow<In, P, Out>(
  aggregator: Aggregator<In, P, Out>,
  options: AggregateWindowOptions & QueryableOption<null, Out>,
): OperatorFunction<Batch<In>, Batch<Out>> {
  checkAggregator('aggregateByWindow', 'aggregator', aggregator);
  checkOptions('aggregateByWindow', options, { ...aggregateWindowChecks, ...queryableChecks });
  checkInverse('aggregateByWindow', aggregator, options.inverse);
  const { identity, lower } = aggregator;
  return afterSteps<In, Out>({ operator: 'aggregateByWindow', id: options.id }, (visitRecords) =>
    slidingPanes<unknown, readonly [P], Out>({
      operator: 'aggregateByWindow',
      options,
      queryable: options.queryable,
      shows: 'value',
      signature: aggregatorSignature(aggregator),
      create() {
        const sliding = slidingOf(aggregator, options);
        const enter = (panes: readonly TimedPane<readonly [P]>[]): void => {
          for (const [, [partial]] of panes) sliding.insert(partial);
        };
        return {
          pane: (batch) => partialOfVisited<In, P>(aggregator, (next) => visitRecords(batch, next)),
          restore: enter,
          slide(_, added, left) {
            if (left > 0) sliding.evict(left);
            enter(added);
            return [lower(sliding.size > 0 ? (sliding.query() as P) : identity)];
          },
        };
      },
    }),
  );
}

/** The algorithm that suits what the aggregator can do. */
function slidingOf<In, P, Out>(
  aggregator: Aggregator<In, P, Out>,
  { inverse, latency }: AggregateWindowOptions,
): SlidingAggregator<P> {
  const invertible = inverseOf(aggregator, inverse);
  if (invertible?.exact) return new SubtractOnEvict(invertible);
  if (invertible) return new RefreshedSubtract(invertible, latency);
  const { combine } = aggregator;
  return latency === 'worst-case' ? new DabaLite(combine) : new TwoStacks(combine);
}
