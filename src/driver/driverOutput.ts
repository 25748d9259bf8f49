import type { Batch } from '../batch/batch.js';
import type { BatchFailure, StreamRestart } from '../batch/monitoring/monitorEvents.js';

/** Where a driver sends its batches: one for each source at every tick, in the order of the sources. */
export interface DriverOutput {
  /** Returns whether this source still has a subscriber, once it has received the batch. */
  next(name: string, batch: Batch<unknown>): boolean;
  /** With `restart` the stream starts again after its pause. */
  error(error: unknown, restart?: Restart): void;
  complete(): void;
  /** The batch of this time got through. */
  saved?(time: number): void;
  /** Everything is closed, however the run ended: what it had open may be opened again. */
  closed?(): void;
  /** Whether, and when, the stream starts again after a failure; asked once, before `error`. */
  restart?(failed: FailedRun): Restart | undefined;
}

/** Where a run failed, and by what. */
export interface FailedRun extends Pick<BatchFailure, 'time' | 'stage' | 'error'> {
  /** How often the checkpoint says that the batch was started again and did not get through, this time included. */
  readonly attempts: number;
  /** How many records it had, at most. */
  readonly records: number;
}

/** The stream starts again: how often it has done so with no batch getting through, and after which pause in ms. */
export type Restart = Pick<StreamRestart, 'attempt' | 'delay'>;
