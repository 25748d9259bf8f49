import { type SchedulerLike, Subscription } from 'rxjs';
import type { PartitionState } from './partitionState.js';

/** After this time in which nothing has arrived, the partitions that are waited for hold up the others, in ms. */
export const stallMs = 2_000;

/**
 * Notices that nothing arrives any more of the partitions that a batch waits for: their broker may be gone, and its requests may take half a
 * minute to say so.
 */
export class StallWatch {
  readonly #scheduler: SchedulerLike;
  readonly #stalled: (states: readonly PartitionState[]) => void;
  #timer = Subscription.EMPTY;
  #seen = '';

  /** `stalled` is called with the partitions that are waited for, after `watch` has returned. */
  constructor(scheduler: SchedulerLike, stalled: (states: readonly PartitionState[]) => void) {
    this.#scheduler = scheduler;
    this.#stalled = stalled;
  }

  /** To be called whenever something may have arrived, with the partitions that are not read to the end of their range. */
  watch(open: readonly PartitionState[]): void {
    const arrived = open.some(({ readers }) => readers.length > 0);
    const seen = open.map(({ key, fetchFrom }) => `${key} ${fetchFrom}`).join();
    if (!arrived && seen === this.#seen) return;
    this.close();
    if (arrived || open.length === 0) return;
    this.#seen = seen;
    // One that has not answered the batch before is not waited for again.
    const delay = open.every(({ stalled }) => stalled !== undefined) ? 0 : stallMs;
    this.#timer = this.#scheduler.schedule(() => {
      this.#seen = '';
      this.#stalled(open);
    }, delay);
  }

  close(): void {
    this.#seen = '';
    this.#timer.unsubscribe();
  }
}
