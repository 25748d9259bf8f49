import type { Aggregator } from './aggregator.js';

/**
 * An aggregator from whose result values can be subtracted again. An operator that needs an inverse takes this type, so an
 * aggregator without one (a maximum) does not compile there.
 *
 * Source: the subtract-on-evict aggregators of IBM's sliding-window-aggregators; Spark's `invReduceFunc`.
 */
export interface InvertibleAggregator<In, P, Out> extends Aggregator<In, P, Out> {
  /** Subtracts a partial: `invert(combine(older, rest), older)` must equal `rest`. Must not change its arguments. */
  readonly invert: (value: P, older: P) => P;
  /**
   * Whether `invert` is exact to the last bit, so that nothing can drift and the value needs no refresh.
   * @default false
   */
  readonly exact?: boolean;
}
