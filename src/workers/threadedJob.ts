// A project that compiles against this need not have it among its libs.
/// <reference lib="esnext.disposable" preserve="true" />
import type { StopOptions } from '../driver/stopReport.js';
import { checkOptions, type OptionChecks } from '../options/checkOptions.js';
import { checkNonNegative } from '../options/checks.js';
import type { StartJobThread } from './jobThread.js';
import { SupervisedThread, type SupervisedThreadOptions } from './supervisedThread.js';
import type { ThreadEvent, ThreadInfo, ThreadReport } from './threadEvents.js';

/** What a job needs to know. Times in ms. */
export interface ThreadedJobSetup extends Omit<SupervisedThreadOptions, 'index'> {
  /** How long stopping may take where `drainTimeout` does not say it. */
  readonly stopTimeout: number;
  readonly happened: (event: ThreadEvent) => void;
  /** All threads have ended. */
  readonly closed: () => void;
}

const stopChecks: OptionChecks<StopOptions> = { drainTimeout: checkNonNegative };
/** What stopping takes besides the batches, such as leaving the group. */
const leaveMarginMs = 5_000;

/**
 * A job that runs in worker threads.
 *
 * @see {@link runInThreads} for an example
 */
export class ThreadedJob implements AsyncDisposable {
  /**
   * Resolves when all threads have ended. Rejects when a thread has failed and is not started again, after the others were stopped; where nobody
   * handles that, Node ends the process.
   */
  readonly ended: Promise<void>;
  readonly #setup: ThreadedJobSetup;
  readonly #threads: readonly SupervisedThread[];
  #open: number;
  #failure: { readonly error: unknown } | undefined;

  /** @internal `runInThreads` creates it. */
  constructor(start: StartJobThread, setup: ThreadedJobSetup) {
    this.#setup = setup;
    this.#open = setup.threads;
    const { promise, resolve, reject } = withResolvers<void>();
    this.ended = promise;
    const ended = (failure?: { readonly error: unknown }) => {
      this.#open--;
      if (failure && !this.#failure) {
        this.#failure = failure;
        void this.stop();
      }
      if (this.#open > 0) return;
      setup.closed();
      if (this.#failure) reject(this.#failure.error);
      else resolve();
    };
    this.#threads = Array.from({ length: setup.threads }, (_, index) => {
      return new SupervisedThread(start, { ...setup, index }, { happened: setup.happened, ended });
    });
    for (const thread of this.#threads) thread.start();
  }

  /** The threads as they are now, by their numbers. */
  get threads(): readonly ThreadInfo[] {
    return this.#threads.map(({ status, restarts, error }, index) => {
      return { index, status, restarts, ...(error !== undefined && { error }) };
    });
  }

  /**
   * Stops all threads gracefully: what the job has passed to `onStop` is called in each. A thread that is not done within `drainTimeout` and 5 s
   * (without `drainTimeout`: within the `stopTimeout` of the job) is ended. Resolves when all have ended.
   *
   * @throws {InvalidOptionError} when `drainTimeout` is negative
   */
  async stop(options: StopOptions = {}): Promise<readonly ThreadReport[]> {
    checkOptions('stop', options, stopChecks);
    const { drainTimeout } = options;
    const limit = drainTimeout === undefined ? this.#setup.stopTimeout : drainTimeout + leaveMarginMs;
    const stopping = this.#threads.map(
      (thread) => new Promise<ThreadReport>((stopped) => thread.stop(options, limit, stopped)),
    );
    return Promise.all(stopping);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Of Node 22, also for Node 20. */
function withResolvers<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((done, failed) => {
    resolve = done;
    reject = failed;
  });
  return { promise, resolve, reject };
}
