/** A batch that was planned and is not complete yet, as a rate controller sees it. */
export interface InFlightBatch {
  /** The batch time, in ms. */
  readonly time: number;
  /** Records of this controller's source in the batch. */
  readonly records: number;
  /** How long it has been processing, in ms; `undefined` while it waits for its turn. */
  readonly runningFor: number | undefined;
}

/** What a rate controller knows when the next batch is formed. */
export interface BatchFormation {
  /** Time of the batch to be formed. */
  readonly time: number;
  /** The scheduler's clock, ms. */
  readonly now: number;
  /** Batches with records of this source that are planned and not complete, in order of time. */
  readonly inFlight: readonly InFlightBatch[];
  /** Records waiting in the source; of a log with gaps between its offsets an estimate. */
  readonly lag: number;
}
