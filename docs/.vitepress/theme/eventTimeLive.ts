// What the live picture of the page on event time shows, and what of it can be changed.

/** Times are in seconds here; the run itself is in virtual ms. */
export interface EventTimeSettings {
  /** By how much a record may be older than the newest before it in its partition, s. */
  readonly disorder: number;
  /** How much later than partition 0 partition 1 sends what happens at the same time, s. */
  readonly skew: number;
  /** The option `outOfOrderness`, s. */
  readonly outOfOrderness: number;
  /** The option `allowedLateness`, s. */
  readonly allowedLateness: number;
  /** Records that a batch may have. */
  readonly perBatch: number;
  /** Partition 1 sends nothing after half of the time. */
  readonly idle: boolean;
  /** It sends the rest at once later, when the stream has gone on without it. */
  readonly comesBack: boolean;
  /** The output fails in the fourth batch, and the stream goes on from its checkpoint. */
  readonly crash: boolean;
}

export const usual: EventTimeSettings = {
  disorder: 4,
  skew: 6,
  outOfOrderness: 2,
  allowedLateness: 0,
  perBatch: 6,
  idle: false,
  comesBack: false,
  crash: false,
};

/** A record as it is drawn. */
export interface ShownRecord {
  readonly partition: number;
  /** Its event time, s. */
  readonly at: number;
  /** The number of its batch, from 0. */
  readonly batch: number;
  readonly late: boolean;
}

/** A window of event time. */
export interface ShownWindow {
  readonly start: number;
  readonly end: number;
  /** How many records it counts; absent while it is open. */
  readonly count?: number;
}

export interface EventTimeView {
  readonly records: readonly ShownRecord[];
  /** The watermark of the stream after each batch, s; absent before there is one. */
  readonly watermarks: readonly (number | undefined)[];
  /** The batches that were begun again. */
  readonly replayed: readonly number[];
  readonly windows: readonly ShownWindow[];
  readonly late: number;
}

export const windowSeconds = 10;
/** Records that happen: one a second in each partition. */
export const seconds = 40;
export const idleAfterSeconds = 8;
