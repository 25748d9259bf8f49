/**
 * A claim on an open batch. Exactly one of the three is to be called, once; later calls do nothing.
 */
export interface Hold {
  /** The effect has settled. */
  release(): void;
  /** The effect failed: the batch and with it the stream fail, and nothing of the batch is saved. */
  fail(error: unknown): void;
  /**
   * The effect was abandoned before it settled (its subscriber left). The batch can then never be saved: when the
   * stream lives on for other subscribers, it fails with an `AbandonedBatchError`.
   */
  abandon(): void;
}

/** What `beforeComplete` returns. */
export interface LastAct {
  /** The act was abandoned (its subscriber left): unless it has settled, the batch fails with an `AbandonedBatchError`. */
  abandon(): void;
}

/** Waits for the rest of a batch without working on it: an operator that brings several streams together. */
export interface BatchWaiter {
  /** How many operators that wait are in a row up to this one. Those of the lowest depth are notified first. */
  readonly depth: number;
  /**
   * Nobody works on the batch any more, and no waiter of a lower depth waits: what has not arrived by now will not come.
   * Called again each time this becomes true.
   */
  idle(): void;
  /** The batch was aborted: its stream failed, was unsubscribed, or did not finish in time. */
  aborted(): void;
}
