import { InvalidOptionError } from '../batch/errors.js';
import { checkFunction, checkOneOf } from '../options/checks.js';
import type { Aggregator } from '../windows/aggregator.js';
import type { InvertibleAggregator } from '../windows/invertibleAggregator.js';
import type { WindowOptions } from './windowOptions.js';

/** What operators that aggregate over a sliding window take. */
export interface AggregateWindowOptions extends WindowOptions {
  /**
   * Whether what leaves the window is taken out of its value by the inverse of the aggregator, which must be an
   * `InvertibleAggregator` for `true`. An inverse that is not exact is refreshed: the newest panes are aggregated by
   * themselves too, and take over when all older ones have left.
   * @default true when the aggregator has an inverse and it is exact, which gives the same result
   */
  readonly inverse?: boolean;
  /**
   * Without an inverse: `'average'` keeps the window by two stacks, three calls of `combine` a slide on average but one
   * for each pane now and then; `'worst-case'` by DABA Lite, at most six at every slide.
   * @default 'average'
   */
  readonly latency?: 'average' | 'worst-case';
}

export function checkAggregator<In, P, Out>(operator: string, aggregator: Aggregator<In, P, Out>): void {
  for (const part of ['lift', 'combine', 'lower'] as const) {
    checkFunction(operator, `aggregator.${part}`, aggregator?.[part]);
  }
}

export function checkAggregateWindow<In, P, Out>(
  operator: string,
  aggregator: Aggregator<In, P, Out>,
  { inverse, latency = 'average' }: AggregateWindowOptions,
): void {
  checkAggregator(operator, aggregator);
  checkOneOf(operator, 'latency', latency, ['average', 'worst-case']);
  if (inverse === true && !isInvertible(aggregator)) {
    throw new InvalidOptionError(operator, 'inverse', inverse, 'takes an aggregator that has `invert`');
  }
}

/** The aggregator with the inverse that is to be used, if one is. */
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
