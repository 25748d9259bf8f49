import { InvalidOptionError } from '../batch/errors.js';
import type { OptionChecks } from '../options/checkOptions.js';
import { checkBoolean, oneOf } from '../options/checks.js';
import type { Aggregator } from '../windows/aggregator.js';
import type { InvertibleAggregator } from '../windows/invertibleAggregator.js';
import { type WindowOptions, windowChecks } from './windowOptions.js';

/** Options of operators that aggregate over a sliding window. */
export interface AggregateWindowOptions extends WindowOptions {
  /**
   * Whether what leaves the window is subtracted from its value with the inverse of the aggregator; `true` requires an
   * `InvertibleAggregator`. An inverse that is not exact is refreshed: the newest panes are also aggregated separately, and
   * take over when all older ones have left.
   * @default true if the aggregator has an exact inverse, which has the same result
   */
  readonly inverse?: boolean | undefined;
  /**
   * Without an inverse: `'average'` keeps the window in two stacks, with three calls of `combine` per slide on average but
   * one per pane now and then; `'worst-case'` uses DABA Lite, with at most six calls in every slide.
   * @default 'average'
   */
  readonly latency?: 'average' | 'worst-case' | undefined;
}

/** What each option must be. */
export const aggregateWindowChecks: OptionChecks<AggregateWindowOptions> = {
  ...windowChecks,
  inverse: checkBoolean,
  latency: oneOf('average', 'worst-case'),
};

/** Called with the operator, before any batch. */
export function checkInverse<In, P, Out>(
  operator: string,
  aggregator: Aggregator<In, P, Out>,
  inverse: boolean | undefined,
): void {
  if (inverse === true && !isInvertible(aggregator)) {
    throw new InvalidOptionError(operator, 'inverse', inverse, 'requires an aggregator with `invert`');
  }
}

/** The aggregator with its inverse, if the inverse is to be used. */
export function inverseOf<In, P, Out>(
  aggregator: Aggregator<In, P, Out>,
  inverse: boolean | undefined,
): InvertibleAggregator<In, P, Out> | undefined {
  if (!isInvertible(aggregator)) return undefined;
  return (inverse ?? aggregator.exact === true) ? aggregator : undefined;
}

function isInvertible<In, P, Out>(aggregator: Aggregator<In, P, Out>): aggregator is InvertibleAggregator<In, P, Out> {
  return typeof (aggregator as Partial<InvertibleAggregator<In, P, Out>>).invert === 'function';
}
