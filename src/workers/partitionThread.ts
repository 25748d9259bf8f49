import { Worker, type WorkerOptions } from 'node:worker_threads';
import { besideThis } from './besideThis.js';
import type { PartitionAnswer, PartitionThreadData, PartitionWork } from './partitionMessages.js';

/** Why a thread has ended. */
export interface ThreadExit {
  readonly exitCode: number;
  /** The exception that nobody has caught, where that ended it. */
  readonly error?: unknown;
}

/** What a thread tells its pool. */
export interface PartitionThreadEvents {
  answered(answer: PartitionAnswer): void;
  /** It has ended by itself; called once, and not after `end`. */
  exited(exit: ThreadExit): void;
}

/** A thread that works on one partition at a time. */
export interface PartitionThread {
  /** Throws what structured clone throws for a record that cannot be copied; then nothing was sent. */
  send(work: PartitionWork): void;
  /** Ends it, in the middle of whatever it does. */
  end(): void;
}

/** Starts a thread. */
export type StartPartitionThread = (events: PartitionThreadEvents) => PartitionThread;

/** Threads of Node that import the module at `url`. `entry` is what they run. */
export function partitionThreads(
  url: URL,
  options: WorkerOptions,
  entry = besideThis(import.meta.url, 'partitionWorker'),
): StartPartitionThread {
  const workerData: PartitionThreadData = { url: url.href };
  return ({ answered, exited }) => {
    const worker = new Worker(entry, { ...options, workerData });
    let error: unknown;
    let ended = false;
    worker.on('message', answered);
    worker.on('messageerror', (failure) => {
      error = failure;
      void worker.terminate();
    });
    worker.on('error', (failure) => {
      error = failure;
    });
    worker.on('exit', (exitCode) => {
      if (!ended) exited({ exitCode, ...(error !== undefined && { error }) });
    });
    return {
      send: (work) => worker.postMessage(work),
      end: () => {
        ended = true;
        worker.removeListener('message', answered);
        void worker.terminate();
      },
    };
  };
}
