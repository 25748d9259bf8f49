import { Observable } from 'rxjs';

/** Completes when the work has ended, also when it fails. */
export function quietly(work: Observable<unknown>): Observable<never> {
  return new Observable((subscriber) =>
    work.subscribe({ error: () => subscriber.complete(), complete: () => subscriber.complete() }),
  );
}
