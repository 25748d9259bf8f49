import type { BatchContext, BatchRun } from './batchContext.js';

/** The runs of the batches whose effects are being called now, innermost last. */
const calling: BatchRun[] = [];

/** Waits for what a function of an output has returned. Each run has one of its own, with a name of its own. */
type Wait = <R>(returned: PromiseLike<R>) => Promise<R>;

const waits = new WeakMap<BatchRun, Wait>();
let named = 0;

/**
 * Calls the function of an output, so that `isInsideEffect` knows as long as it runs that it does. Of an asynchronous function it knows
 * that beyond the first `await` where the engine says what waits for the function that runs, as V8 does in the stack of an error.
 */
export function insideEffect<R>({ run }: BatchContext, effect: () => R): R {
  calling.push(run);
  try {
    return awaited(run, effect()) as R;
  } finally {
    calling.pop();
  }
}

/** Whether the function of an output of this run is what runs now. */
export function isInsideEffect(run: BatchRun): boolean {
  if (calling.includes(run)) return true;
  const wait = waits.get(run);
  return wait !== undefined && wholeStack().includes(wait.name);
}

function awaited(run: BatchRun, returned: unknown): unknown {
  if (returned instanceof Promise) return waitOf(run)(returned);
  // What `records.map(save)` returns.
  if (Array.isArray(returned) && returned[0] instanceof Promise) return returned.map((one) => awaited(run, one));
  return returned;
}

function waitOf(run: BatchRun): Wait {
  const known = waits.get(run);
  if (known) return known;
  // Delimited, so that the name of none begins with that of another.
  const name = `dstreamEffect_${++named}_`;
  const made = { [name]: async <R>(promise: PromiseLike<R>) => await promise }[name] as Wait;
  waits.set(run, made);
  return made;
}

/** Engines cut it after ten frames. */
function wholeStack(): string {
  const limited = Error as { stackTraceLimit?: number };
  const { stackTraceLimit } = limited;
  try {
    limited.stackTraceLimit = Number.POSITIVE_INFINITY;
    return String(new Error('where this is').stack);
  } catch {
    // Some programs freeze what is global.
    return '';
  } finally {
    if (stackTraceLimit !== undefined && Object.isExtensible(Error)) limited.stackTraceLimit = stackTraceLimit;
  }
}
