import type { Observer } from 'rxjs';
import type { RateDecision } from '../batch/rateDecision.js';

export interface RateDecisionOptions {
  /** Receives every decision when it is made: an Observer, such as a `Subject`, of which only `next` is called. */
  readonly decisions?: Pick<Observer<RateDecision>, 'next'>;
}
