import { from, Observable } from 'rxjs';
import type { Step } from './inTurn.js';

/** The same as `work`; `failed` is called with its error before that goes on. */
export function watched<T>(work: Step<T>, failed: (error: unknown) => void): Observable<T> {
  return new Observable((subscriber) => {
    const fail = (error: unknown): void => {
      failed(error);
      subscriber.error(error);
    };
    try {
      subscriber.add(
        from(work()).subscribe({
          next: (value) => subscriber.next(value),
          error: fail,
          complete: () => subscriber.complete(),
        }),
      );
    } catch (error) {
      fail(error);
    }
  });
}
