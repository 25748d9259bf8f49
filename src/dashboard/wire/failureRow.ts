import type { FailureStage } from '../../batch/monitoring/stage.js';

/** A failure of the stream, an effect that runs again, or records that were given up. */
export interface FailureRow {
  readonly id: string;
  /** When, in ms of the scheduler's clock. */
  readonly at: number;
  /** `failed`: the stream. `retried`: the effect on a partition, which runs again. `dead-lettered`: records were handed over, and the batch went on. */
  readonly kind: 'failed' | 'retried' | 'dead-lettered';
  /** The batch time, where a batch was in work. */
  readonly time: number | undefined;
  /** The code of a `DStreamError`, else the class of the error. */
  readonly code: string;
  /** Not of `dead-lettered`: operators and outputs have them. */
  readonly stage: FailureStage | undefined;
  readonly operator: string | undefined;
  /** The `id` of the operator. */
  readonly operatorId: string | undefined;
  readonly topic: string | undefined;
  readonly partition: number | undefined;
  readonly offset: number | undefined;
  /** How many, of `dead-lettered`. */
  readonly records: number | undefined;
  /** The number of the attempt that failed, from 1: of the stream (`failed`) or of the effect (`retried`). */
  readonly attempt: number | undefined;
  /** Only with `showErrors`, as messages may quote records. */
  readonly message: string | undefined;
}
