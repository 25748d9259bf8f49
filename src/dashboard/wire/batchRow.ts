import type { FailureStage } from '../../batch/monitoring/stage.js';
import type { RateRule, RateWarning } from '../../batch/rateDecision.js';

/** How long each part of a complete batch took, in ms. */
export interface BatchDelays {
  /** Waiting behind earlier batches. */
  readonly scheduling: number;
  readonly processing: number;
  /** `scheduling` and `processing` together. */
  readonly total: number;
  /** Parts of `processing`, which add up to it. */
  readonly fetch: number;
  readonly dispatch: number;
  readonly effect: number;
  /** After `processing`: saving the checkpoint and committing offsets. */
  readonly save: number;
}

/** The rate of a batch, of the input whose limit is the lowest. */
export interface BatchRate {
  /** In records per second; `undefined` without a limit. */
  readonly limit: number | undefined;
  readonly controller: string | undefined;
  readonly rule: RateRule | undefined;
  readonly warnings: readonly RateWarning[];
}

/** One batch in the charts and in the table. Numbers only: nothing of a record. */
export interface BatchRow {
  /** `RUN.NUMBER`: the run of the server, and a number that rises by one with each row. */
  readonly id: string;
  /** The batch time. */
  readonly time: number;
  readonly interval: number;
  /** How many subscriptions had failed before the one that ran it. */
  readonly attempt: number;
  /** `aborted`: its subscription ended before it was complete. */
  readonly result: 'completed' | 'failed' | 'aborted';
  /** The stage in which it failed. */
  readonly stage?: FailureStage | undefined;
  /** As planned, of a batch that did not complete. */
  readonly records: number;
  /** Bytes read for it, where a source knows them. */
  readonly bytes: number | undefined;
  readonly skipped: number;
  /** Offsets that were gone from the log. */
  readonly lost: number;
  /** Records handed to dead letters, of a complete batch. */
  readonly deadLettered: number;
  /** Records that waited beyond it when it was planned. */
  readonly lag: number;
  readonly rate: BatchRate;
  /** Of a complete batch. */
  readonly delays?: BatchDelays | undefined;
}
