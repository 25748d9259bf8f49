import { from, type ObservableInput, type Subscriber } from 'rxjs';

/** Subscribes to `work`, begun now; what it throws before there is anything to subscribe to is an error of it too. */
export function follow<T>(work: () => ObservableInput<T>, subscriber: Subscriber<T>): void {
  try {
    from(work()).subscribe(subscriber);
  } catch (error) {
    subscriber.error(error);
  }
}
