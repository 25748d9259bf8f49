/**
 * What a thread is doing. It is `starting` until its job has been called, then `running`; `restarting` is the pause after it has failed; `stopping`
 * after `stop()`. One that is `ended` or `failed` is not started again.
 */
export type ThreadStatus = 'starting' | 'running' | 'restarting' | 'stopping' | 'ended' | 'failed';

/** A thread of a job, as it is now. */
export interface ThreadInfo {
  /** Its number, from 0. */
  readonly index: number;
  /** What it is doing. */
  readonly status: ThreadStatus;
  /** How often it was started again. */
  readonly restarts: number;
  /** What it last failed by. */
  readonly error?: unknown;
}

/** A thread has another status. */
export interface ThreadEvent {
  /** The status. */
  readonly type: ThreadStatus;
  /** The number of the thread, from 0. */
  readonly index: number;
  /** When, in ms. */
  readonly at: number;
  /** How often the thread was started again. */
  readonly restarts: number;
  /** For `restarting`: the pause until then, in ms. */
  readonly pause?: number;
  /** For `restarting` and `failed`: what it failed by; for `ended`, where it failed while it was stopped: by what. */
  readonly error?: unknown;
}

/** How a thread was stopped. */
export interface ThreadReport {
  /** The number of the thread, from 0. */
  readonly index: number;
  /** Whether it was not done within the limit, and was ended in the middle. */
  readonly terminated: boolean;
  /** What it failed by while it was stopped, such as by its last batch. Default: it did not fail. */
  readonly error?: unknown;
}
