import { Worker, type WorkerOptions } from 'node:worker_threads';
import { besideThis } from './besideThis.js';
import type { FromJobThread, JobThreadData, ToJobThread } from './jobMessages.js';
import type { ThreadExit } from './partitionThread.js';
import { startSharedThreads } from './threadPriority.js';

/** What a thread tells its supervisor. */
export interface JobThreadEvents {
  said(message: FromJobThread): void;
  /** It has ended, however. */
  exited(exit: ThreadExit): void;
}

/** A thread that runs a job. */
export interface JobThread {
  send(message: ToJobThread): void;
  /** Ends it, in the middle of whatever it does; `exited` follows. */
  end(): void;
}

/** Starts a thread. */
export type StartJobThread = (data: Omit<JobThreadData, 'url' | 'niceness'>, events: JobThreadEvents) => JobThread;

/** Threads of Node that import the module at `url`. `entry` is what they run. */
export function jobThreads(
  url: URL,
  options: WorkerOptions,
  niceness: number,
  entry = besideThis(import.meta.url, 'jobWorker'),
): StartJobThread {
  return (data, { said, exited }) => {
    const workerData: JobThreadData = { ...data, url: url.href, niceness };
    startSharedThreads(niceness);
    const worker = new Worker(entry, { ...options, workerData });
    let error: unknown;
    worker.on('message', said);
    worker.on('error', (failure) => {
      error = failure;
    });
    worker.on('exit', (exitCode) => exited({ exitCode, ...(error !== undefined && { error }) }));
    return { send: (message) => worker.postMessage(message), end: () => void worker.terminate() };
  };
}
