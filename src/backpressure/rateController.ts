import type { BatchInfo } from '../batch/batchInfo.js';
import type { RateDecision } from '../batch/rateDecision.js';
import type { BatchFormation } from './batchFormation.js';

/**
 * Decides how many records a second a source may put into the next batch. One is made for each source and
 * subscription; it hears of every completed batch, in order, and is asked when a batch is formed.
 *
 * Source: Spark's `RateController` and `RateEstimator`, widened by the work in flight.
 */
export interface RateController {
  /** A batch is complete; `records` is what this controller's source had in it. */
  completed(info: BatchInfo, records: number): void;
  /** The limit for the next batch in records per second; `undefined` for "no estimate yet" (`initialRate` applies). */
  rate(formation: BatchFormation): number | undefined;
  /** Why `rate` last answered as it did; `undefined` before it was first asked. */
  explain?(): RateDecision | undefined;
}

/** What a controller may need to know of the stream when it is made. */
export interface RateControllerSetup {
  /** Batch interval in ms. */
  readonly interval: number;
  /** The rate that applies before the first estimate, in records per second. */
  readonly initialRate: number;
  /** Name of the source it controls. */
  readonly source: string;
}

/** What the option `backpressure` takes: `pid()`, `costModel()`, `fixedRate()` or a user's own. */
export type RateControllerFactory = (setup: RateControllerSetup) => RateController;
