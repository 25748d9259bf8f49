import type { BatchInfo } from '../batch/batchInfo.js';

/** A batch that was planned and is not complete yet, as a rate controller sees it. */
export interface InFlightBatch {
  readonly time: number;
  /** Records of this controller's source in the batch. */
  readonly records: number;
  /** How long it has been processing, in ms; `undefined` while it waits for its turn. */
  readonly runningFor: number | undefined;
}

/** What a rate controller is told when the next batch is formed. */
export interface BatchFormation {
  /** Time of the batch to be formed. */
  readonly time: number;
  /** The scheduler's clock, ms. */
  readonly now: number;
  /** Batches that are planned and not complete, in order of time. */
  readonly inFlight: readonly InFlightBatch[];
  /** Records waiting in the source. */
  readonly lag: number;
}

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
