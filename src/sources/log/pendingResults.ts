import {
  AsyncSubject,
  from,
  ignoreElements,
  isObservable,
  mergeAll,
  type Observable,
  type ObservableInput,
  Subscription,
} from 'rxjs';

/**
 * What an Observer's `next` returned while records were read, where that settles later: subscribed to at once, so that no
 * rejection goes unhandled, and waited for together.
 */
export class PendingResults {
  readonly #pending: Observable<never>[] = [];
  readonly #running = new Subscription();

  get size(): number {
    return this.#pending.length;
  }

  /** Takes any value; one that is no promise, Observable or async iterable has settled already. */
  add(result: unknown): void {
    if (!settlesLater(result)) return;
    const settled = new AsyncSubject<never>();
    this.#running.add(from(result).pipe(ignoreElements()).subscribe(settled));
    this.#pending.push(settled);
  }

  /** Completes when all have settled; fails with the first that failed. */
  settled(): Observable<never> {
    return from(this.#pending).pipe(mergeAll());
  }

  /** Gives up what has not settled. */
  unsubscribe(): void {
    this.#running.unsubscribe();
  }
}

function settlesLater(value: unknown): value is ObservableInput<unknown> {
  if (typeof value !== 'object' || value === null) return false;
  return isObservable(value) || 'then' in value || Symbol.asyncIterator in value;
}
