import { Observable, type ObservableInput } from 'rxjs';
import { follow } from './follow.js';
import { passing } from './listener.js';

/** The same as `work`; `failed` is called with its error before that goes on. */
export function watched<T>(work: () => ObservableInput<T>, failed: (error: unknown) => void): Observable<T> {
  return new Observable((subscriber) => follow(work, passing(subscriber, failed)));
}
