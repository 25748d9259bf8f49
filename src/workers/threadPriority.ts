import { access } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { InvalidOptionError } from '../batch/errors.js';

/**
 * What the threads of `runInThreads` and `mapPartitionsInThreads` have where nothing else is asked for. Small, because the main thread waits for a
 * thread that starts, ends or holds a lock: with 10, on a machine that was busy with other processes, it was still for more than 100 ms.
 */
export const defaultNiceness = 1;
/** What Linux knows as the lowest priority. */
const maxNiceness = 19;
/** Elsewhere all threads of a process have one priority. */
const isOfThreads = process.platform === 'linux';

export function checkNiceness(owner: string, option: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 0 && value <= maxNiceness) return;
  throw new InvalidOptionError(owner, option, value, `must be an integer from 0 to ${maxNiceness}`);
}

/** In the main thread, before another has a lower priority: the threads that Node shares among all inherit that of the one that first needs them. */
export function startSharedThreads(niceness: number): void {
  if (niceness > 0 && isOfThreads) access('/', () => {});
}

/** In a worker thread: lets the main thread go first where both want a core, by a nice value that is higher by `niceness`. */
export function yieldToMainThread(niceness: number): void {
  if (niceness === 0 || !isOfThreads) return;
  try {
    setPriority(Math.min(maxNiceness, getPriority() + niceness));
  } catch {
    // Forbidden here: the work is the same.
  }
}
