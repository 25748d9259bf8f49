import { EMPTY, from, Observable, type ObservableInput } from 'rxjs';
import { Listener } from './listener.js';

/** Passes the last value of `source` to `then` when that has completed, or `otherwise` when it had none, and goes on with what that returns. */
export function lastOf<T, D, R>(
  source: ObservableInput<T>,
  otherwise: D,
  then: (value: T | D) => ObservableInput<R>,
): Observable<R> {
  return new Observable((subscriber) => {
    let value: T | D = otherwise;
    const fail = (error: unknown): void => subscriber.error(error);
    const completed = (): void => {
      try {
        const work = then(value);
        if (work === EMPTY) subscriber.complete();
        else from(work).subscribe(subscriber);
      } catch (error) {
        fail(error);
      }
    };
    const listener = new Listener<T>(fail, completed, (latest) => {
      value = latest;
    });
    subscriber.add(listener);
    from(source).subscribe(listener);
  });
}
