import type { ObservableInput } from 'rxjs';
import type { StopOptions } from '../driver/stopReport.js';

/** What a job learns of its thread. */
export interface ThreadContext {
  /** The number of the thread, from 0; the same after a restart. */
  readonly index: number;
  /** How many threads there are. */
  readonly threads: number;
  /** How often this thread was started again. */
  readonly restarts: number;
  /**
   * Says how to end gracefully: `stop` is called when the threads are to stop, such as after a SIGTERM. The thread ends when what `stop` returns
   * has settled and the Observable of the job has completed. Without it the Observable is unsubscribed.
   */
  onStop(stop: (options: StopOptions) => unknown): void;
}

/**
 * What a module for `runInThreads` exports as its default. It returns the Observable to be subscribed to, usually a whole pipeline, or a
 * promise; the thread ends when that completes, and is started again when it fails.
 */
export type ThreadJob = (context: ThreadContext) => ObservableInput<unknown>;
