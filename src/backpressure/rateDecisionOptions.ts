import type { Observer } from 'rxjs';
import type { RateDecision } from '../batch/rateDecision.js';

/** What every rate controller of this library takes. */
export interface RateDecisionOptions {
  /**
   * Receives every decision when it is made: an Observer, such as a `Subject`, of which only `next` is called.
   * @default none
   */
  readonly decisionObserver?: Partial<Observer<RateDecision>> | undefined;
}
