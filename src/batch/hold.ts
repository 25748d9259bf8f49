/** Why a hold is taken: `'work'` counts as processing time, `'wait'` (for another stream) does not. */
export type HoldKind = 'work' | 'wait';

/**
 * A claim on an open batch. Exactly one of the three is to be called, once; later calls do nothing.
 */
export interface Hold {
  /** The effect has settled. */
  release(): void;
  /** The effect failed: the batch and with it the stream fail, and nothing of the batch is saved. */
  fail(error: unknown): void;
  /**
   * The effect was given up before it settled (its subscriber left). The batch can then never be saved: when the
   * stream lives on for other subscribers, it fails with an `AbandonedBatchError`.
   */
  abandon(): void;
}
