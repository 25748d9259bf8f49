import { availableParallelism } from 'node:os';
import type { WorkerOptions } from 'node:worker_threads';
import { InvalidOptionError } from '../batch/errors.js';

/** All cores but the one of the main thread. */
export const threadsByDefault = (): number => Math.max(1, availableParallelism() - 1);

export function checkUrl(owner: string, option: string, value: unknown): void {
  if (value instanceof URL) return;
  throw new InvalidOptionError(owner, option, value, "must be a URL: new URL('./job.js', import.meta.url)");
}

/** For options that are passed on to Node. */
export function checkWorkerOptions(owner: string, option: string, value: unknown): void {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidOptionError(owner, option, value, 'must be an object: options of Worker of node:worker_threads');
  }
  const { workerData } = value as WorkerOptions;
  if (workerData === undefined) return;
  const rule = 'is used already: pass what threads need to know in `env`, or in the query of the URL';
  throw new InvalidOptionError(owner, `${option}.workerData`, workerData, rule);
}
