import type { FailureStage } from '../../batch/monitoring/stage.js';

/** A failure of the stream, or of an effect that runs again. */
export interface FailureRow {
  readonly id: string;
  /** When, in ms of the scheduler's clock. */
  readonly at: number;
  /** `failed`: the stream. `retried`: the effect on a partition, which runs again. */
  readonly kind: 'failed' | 'retried';
  /** The batch time, where a batch was in work. */
  readonly time: number | undefined;
  /** The code of a `DStreamError`, else the class of the error. */
  readonly code: string;
  readonly stage: FailureStage;
  readonly operator: string | undefined;
  /** The `id` of the operator. */
  readonly operatorId: string | undefined;
  readonly topic: string | undefined;
  readonly partition: number | undefined;
  readonly offset: number | undefined;
  readonly attempt: number;
  /** Only with `showErrors`, as messages may quote records. */
  readonly message: string | undefined;
}
