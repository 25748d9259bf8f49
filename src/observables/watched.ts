import { from, Observable, type ObservableInput } from 'rxjs';
import { passing } from './listener.js';

/** The same as `work`; `failed` is called with its error before that goes on. */
export function watched<T>(work: () => ObservableInput<T>, failed: (error: unknown) => void): Observable<T> {
  return new Observable((subscriber) => {
    const listener = passing(subscriber, failed);
    try {
      from(work()).subscribe(listener);
    } catch (error) {
      listener.error(error);
    }
  });
}
