import {
  defer,
  EMPTY,
  from,
  ignoreElements,
  isObservable,
  mergeMap,
  type Observable,
  type ObservableInput,
  observable,
} from 'rxjs';
import type { BatchContext } from '../../batch/batchContext.js';

/**
 * Completes when everything that `work` returns has settled: a promise or any `ObservableInput`, and the promises and
 * Observables in it. Any other value is nothing to wait for. `records.map(save)` returns an array of promises, which are its values and not what it waits for; without
 * this, a batch would be complete before any of them is.
 */
export function settled(work: () => unknown): Observable<never> {
  return defer(() => leftOf(work())).pipe(ignoreElements());
}

/** Completes when what a function has returned has settled, as `settled` does. `EMPTY` where there is nothing to wait for. */
export function leftOf(returned: unknown): Observable<unknown> {
  // `condition && save()` returns false where there is nothing to do, `list.push(...records)` a number.
  return isInput(returned) ? pendingIn(returned) : EMPTY;
}

/** Keeps a batch open until what an Observer returned has settled: its `next` may be an async function. */
export function holdUntilSettled(context: BatchContext, returned: unknown): void {
  if (!isPending(returned)) return;
  const hold = context.hold();
  settled(() => returned).subscribe({ error: (error) => hold.fail(error), complete: () => hold.release() });
}

/** Whether it is a promise, from whichever library. */
export function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as PromiseLike<unknown> | null | undefined)?.then === 'function';
}

function pendingIn(value: unknown): Observable<unknown> {
  const input = Array.isArray(value) ? value.filter(isPending) : value;
  // After the first rejection nobody waits for the others, which must not end the process.
  if (Array.isArray(input)) for (const each of input) if (isPromise(each)) each.then(undefined, () => {});
  return from(input as ObservableInput<unknown>).pipe(mergeMap((each) => (isPending(each) ? pendingIn(each) : EMPTY)));
}

/** Whether it is an `ObservableInput`; of strings, which are iterable, there is nothing to wait for. */
function isInput(value: unknown): value is ObservableInput<unknown> {
  if (isPending(value)) return true;
  if (typeof value !== 'object' || value === null) return false;
  const { getReader } = value as { getReader?: unknown };
  return (
    Symbol.iterator in value || Symbol.asyncIterator in value || observable in value || typeof getReader === 'function'
  );
}

function isPending(value: unknown): boolean {
  return Array.isArray(value) || isPromise(value) || isObservable(value);
}
