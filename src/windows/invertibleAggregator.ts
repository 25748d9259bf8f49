import type { Aggregator } from './aggregator.js';

/**
 * An aggregator whose values can be taken out again. What asks for an inverse takes this type, so an aggregator without
 * one (a maximum) does not compile there.
 *
 * Source: the subtract-on-evict aggregators of IBM's sliding-window-aggregators; Spark's `invReduceFunc`.
 */
export interface InvertibleAggregator<In, P, Out> extends Aggregator<In, P, Out> {
  /** `invert(combine(older, rest), older)` must equal `rest`. Leaves its arguments as they are. */
  readonly invert: (value: P, older: P) => P;
  /**
   * Whether that holds to the last bit, so that nothing can drift and the value need not be refreshed.
   * @default false
   */
  readonly exact?: boolean;
}
