import type { BatchContext, BatchRun } from './batchContext.js';

/** The runs of the batches whose effects are being called now, innermost last. */
const calling: BatchRun[] = [];

/**
 * Calls the function of an output, so that `isInsideEffect` knows meanwhile that it is being called. An asynchronous function counts
 * as called up to its first `await`.
 */
export function insideEffect<R>({ run }: BatchContext, effect: () => R): R {
  calling.push(run);
  try {
    return effect();
  } finally {
    calling.pop();
  }
}

/** Whether the function of an output of this run is being called. */
export function isInsideEffect(run: BatchRun): boolean {
  return calling.includes(run);
}
