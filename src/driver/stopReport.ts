/** What a graceful stop did. Batches are named by their times. */
export interface StopReport {
  /** Batches that were open when the stop began and that were finished and saved. */
  readonly completed: readonly number[];
  /**
   * Batches that were open and not finished within `drainTimeout`: nothing of them was saved, except perhaps of the first, if it
   * was being saved just then.
   */
  readonly aborted: readonly number[];
  /**
   * Batches that are still to be finished, only in the report for an output that has called `stop`: the stream waits for that output,
   * which cannot wait for the stream.
   */
  readonly unfinished?: readonly number[];
}

/** Receives what became of the open batches. */
export type Finish = (report: StopReport) => void;

/** Options of `stop`. */
export interface StopOptions {
  /**
   * How long open batches may take to finish, in ms of the stream's scheduler; then they are aborted.
   * @default 10 batch intervals
   */
  readonly drainTimeout?: number | undefined;
}
