import { checkIterable } from '../options/checks.js';
import type { Aggregator } from './aggregator.js';
import { checkAggregator } from './checkAggregator.js';
import { partialOf } from './partialOf.js';

/**
 * Applies an aggregator to values, oldest first: for the records of one batch, or to try an aggregator out.
 *
 * @throws {InvalidOptionError} when `aggregator` lacks a function, or `inputs` is not iterable
 *
 * @example
 * ```ts
 * import { aggregate, mean } from 'dstream/aggregators';
 *
 * console.log(aggregate(mean(), [1, 2, 6]));
 * // => 3
 * ```
 *
 * @see {@link aggregateByWindow}
 * @see {@link aggregateByKey}
 */
export function aggregate<In, P, Out>(aggregator: Aggregator<In, P, Out>, inputs: Iterable<In>): Out {
  checkAggregator('aggregate', 'aggregator', aggregator);
  checkIterable('aggregate', 'inputs', inputs);
  return aggregator.lower(partialOf(aggregator, inputs));
}
