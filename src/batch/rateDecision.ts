/**
 * What set the rate of a batch:
 *
 * - `fixed`: the user (`fixedRate`)
 * - `initial`: there is no estimate yet, so `initialRate` applies
 * - `estimate`: the estimator (`pid`)
 * - `model`: the cost model: as many records as fit into what is left of the interval
 * - `probe`: nothing waits and so few records are no evidence for more: a step up to learn the cost of more
 * - `growth`: the model would allow more, but not so much more than was ever processed in time
 * - `queue`: too much work waits already: the batch is empty
 * - `first-batch`: the first batch is not complete yet: the batch is empty
 * - `fixed-cost`: the fixed cost of a batch does not fit into the interval: large batches, some intervals apart
 * - `floor`, `cap`: `minRate`, `maxRate`
 */
export type RateRule =
  | 'fixed'
  | 'initial'
  | 'estimate'
  | 'model'
  | 'probe'
  | 'growth'
  | 'queue'
  | 'first-batch'
  | 'fixed-cost'
  | 'floor'
  | 'cap';

/**
 * What a user should know of:
 *
 * - `fixed-cost-over-interval`: a batch costs nearly an interval or more even without records. A longer interval helps;
 *   fewer records do not.
 * - `rate-at-floor`: the controller would go below `minRate`. The processing is too slow for the floor, or does not run.
 * - `processing-time-varies`: batches of equal size take very different times, so that either time or waiting is lost.
 */
export type RateWarning = 'fixed-cost-over-interval' | 'rate-at-floor' | 'processing-time-varies';

/** What the cost model believes a batch to cost: `fixedCost + costPerRecord * records`, in ms. */
export interface LearnedCost {
  /** Cost of a batch without its records, in ms. May be below 0 where the cost grows faster than the records. */
  readonly fixedCost: number;
  /** In ms. */
  readonly costPerRecord: number;
  /** Scatter of the cost at equal size: the standard deviation of its logarithm, so 0.1 is about 10 %. */
  readonly noise: number;
  /** Work that is planned and not done yet, in ms, as expected at the decision. */
  readonly work: number;
}

/** The batch on which an estimate is based. */
export interface MeasuredBatch {
  /** Number of records in the batch. */
  readonly records: number;
  /** From the start of the batch until it was saved, less the time spent only waiting for another stream, in ms. */
  readonly processingDelay: number;
  /** How long it had waited for the batches before it, in ms. */
  readonly schedulingDelay: number;
}

/** What a controller knew when it decided: numbers only, so that decisions can be kept. */
export interface DecisionInputs {
  /** Time of the batch that was formed. */
  readonly time: number;
  /** The scheduler's clock, ms. */
  readonly now: number;
  /** Records that were waiting in the source. */
  readonly lag: number;
  /** Batches with records that were planned and not complete; `undefined` for a controller that does not look at it. */
  readonly inFlight: { readonly batches: number; readonly records: number } | undefined;
}

/** Why a batch gets the rate that it gets: the inputs, the model, the rule that applied, and the rate. */
export interface RateDecision {
  /** `pid`, `costModel`, `fixedRate`. */
  readonly controller: string;
  /** Name of the source. */
  readonly source: string;
  /** What was known when the batch was formed. */
  readonly formation: DecisionInputs;
  /** Of a controller that has one, once it has learned it. */
  readonly model?: LearnedCost | undefined;
  /** Of a controller that uses the last batch: that batch, once there is an estimate. */
  readonly measured?: MeasuredBatch | undefined;
  /** The rule that set the rate. */
  readonly rule: RateRule;
  /** Records per second. */
  readonly rate: number;
  /** What the user should know; empty if nothing. */
  readonly warnings: readonly RateWarning[];
}
